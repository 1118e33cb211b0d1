/**
 * The report of experiments, as one HTML file that needs nothing else, and as Markdown.
 *
 * @module
 */
import { MUTED, okabeIto } from "../plots/colors.ts";
import { escapeXml } from "../plots/render.ts";
import type { PaperRow } from "./experiment.ts";
import { estimateText, pointsText, protocolText, type RowFigures } from "./figures.ts";
import { collapsedText, markdownTable } from "./markdown.ts";
import { legendOf, measuredPlot, paperPlot } from "./plots.ts";
import { duration } from "./runner.ts";

/** An experiment with its results. */
export interface ReportedExperiment {
  name: string;
  title: string;
  varies: string;
  about: string;
  source: string;
  command: string;
  rows: RowFigures[];
  /** Rows of the paper's plot. */
  paperRows: readonly PaperRow[];
  /** Conclusions written by a person: paragraphs. */
  findings: string[];
  /** Top-1 accuracy in percent of the untrained encoder by linear evaluation; null if it was not evaluated. */
  untrained: number | null;
}

/** The content of a report. */
export interface Report {
  scale: { name: string; about: string };
  experiments: ReportedExperiment[];
  /** Maps of held-out features as SVG, with captions. */
  maps: { caption: string; svg: string }[];
  /** Number of runs with a result. */
  runs: number;
  /** Time of all runs. */
  seconds: number;
  adapters: string[];
  denos: string[];
  /** Dates of the first and the last run, ISO 8601. */
  dates: { first: string; last: string } | null;
}

/** Findings by experiment from Markdown: a heading `## NAME`, and paragraphs below it. */
export function parseFindings(text: string): Map<string, string[]> {
  const parts = text.split(/^## +/m).slice(1);
  return new Map(parts.map((part) => {
    const [name, ...lines] = part.split("\n");
    const paragraphs = lines.join("\n").split(/\n\s*\n/).map((paragraph) =>
      paragraph.replace(/\s+/g, " ").trim()
    );
    return [name.trim(), paragraphs.filter(Boolean)];
  }));
}

/** When, where and with what the runs were made. */
function provenance({ runs, seconds, adapters, denos, dates }: Report): string {
  if (!dates) return "There are no results yet.";
  const [first, last] = [dates.first, dates.last].map((date) => date.slice(0, 10));
  return `${runs} runs, ${first === last ? first : `${first} to ${last}`}, on ${
    adapters.join("; ")
  }, with Deno ${denos.join(", ")}: ${duration(seconds)} of training and evaluation in total.`;
}

/** The report as a page. */
export function htmlReport(report: Report): string {
  const { scale, experiments, maps } = report;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>BYOL experiments: ${escapeXml(scale.name)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>BYOL's experiments, ${escapeXml(scale.name)} scale</h1>
<p>Scale: ${escapeXml(scale.about)}. ${escapeXml(provenance(report))}</p>
<p>Each row is trained with its options and then evaluated on held-out images: by a linear classifier on the frozen
features, as in the paper, and by kNN. Figures are means over seeds with their standard deviation; a figure without one
is of a single seed, with about the same uncertainty.
The paper's figures are for ImageNet, a ResNet-50 and 300 epochs: the order and the sign of differences can agree, not
the values. <i>Points</i> are differences from the row in bold type; <i>spread</i> is the standard deviation of the
normalized projections times √D, 1 when they are spread evenly and 0 when they have collapsed.</p>
<nav><ul>${
    experiments.map(({ name, title }) => `<li><a href="#${name}">${escapeXml(title)}</a></li>`).join("")
  }</ul></nav>
${experiments.map(section).join("\n")}
${mapsSection(maps)}
</body>
</html>
`;
}

function section(
  { name, title, varies, about, source, command, rows, paperRows, findings, untrained }: ReportedExperiment,
): string {
  const reference = rows.some((row) => row.name === "untrained") ? null : untrained;
  const plots = [
    figure(measuredPlot(rows, { varies, untrained: reference }), "Measured here"),
    ...(paperRows.some(({ paper }) => paper !== undefined)
      ? [figure(paperPlot(paperRows, { varies }), "In the paper")]
      : []),
  ];
  return `<section id="${name}">
<h2>${escapeXml(title)}</h2>
<p>${escapeXml(about)} <span class="source">(Grill et al. 2020, ${escapeXml(source)})</span></p>
${legend(rows, reference)}
<div class="plots">${plots.join("")}</div>
${table(rows, varies)}
<p class="notes">${escapeXml(protocolText(rows))}</p>
${findings.map((paragraph) => `<p class="finding">${escapeXml(paragraph)}</p>`).join("\n")}
${notes(rows)}
<p class="command"><code>${escapeXml(command)}</code></p>
</section>`;
}

const figure = (svg: string, caption: string) =>
  `<figure><figcaption>${escapeXml(caption)}</figcaption>${svg}</figure>`;

/** The meaning of the marks. */
function legend(rows: readonly RowFigures[], untrained: number | null): string {
  const several = legendOf(rows).length > 1;
  const names = legendOf(rows).map(({ series, color }) =>
    `<li><span style="color:${color}">●</span> ${escapeXml(several ? `${series}, linear` : "linear")}</li>`
  );
  const collapsed = rows.some(({ collapses }) => collapses.length > 0) ? ["<li>× collapsed</li>"] : [];
  const dashed = untrained === null ? [] : ["<li>┆ untrained encoder, linear</li>"];
  return `<ul class="legend">${[...names, "<li>□ kNN</li>", ...collapsed, ...dashed].join("")}</ul>`;
}

function table(rows: readonly RowFigures[], varies: string): string {
  const several = new Set(rows.map(({ series }) => series)).size > 1;
  const head = [
    ...(several ? ["method"] : []),
    varies,
    "linear, %",
    "points",
    "paper, %",
    "points",
    "kNN, %",
    "spread",
    "RankMe",
    "collapsed",
    "s a run",
  ];
  const line = (row: RowFigures) => {
    const cells = [
      estimateText(row.linear),
      pointsText(row.difference),
      row.paper?.toFixed(1) ?? "",
      pointsText(row.paperDifference),
      estimateText(row.knn),
      row.spread ? estimateText(row.spread, 2) : "",
      estimateText(row.rankme),
      collapsedText(row),
      row.seconds?.toFixed(0) ?? "",
    ];
    return `<tr${row.baseline ? ' class="baseline"' : ""}>${
      several ? `<th>${escapeXml(row.series)}</th>` : ""
    }<th>${escapeXml(row.name)}</th>${cells.map((cell) => `<td>${escapeXml(cell)}</td>`).join("")}</tr>`;
  };
  return `<div class="table"><table><thead><tr>${
    head.map((cell) =>
      `<th${cell === "method" || cell === varies ? ' class="name"' : ""}>${escapeXml(cell)}</th>`
    ).join("")
  }</tr></thead><tbody>${rows.map(line).join("\n")}</tbody></table></div>`;
}

/** The evidence of collapses, and failures. */
function notes(rows: readonly RowFigures[]): string {
  const items = rows.flatMap(({ series, name, collapses, failures }) => [
    ...collapses.slice(0, 1).map((evidence) => `${series}, ${name}: collapsed, ${evidence}`),
    ...failures.map((failure) => `${series}, ${name}: failed: ${failure}`),
  ]);
  return items.length
    ? `<ul class="notes">${items.map((item) => `<li>${escapeXml(item)}</li>`).join("")}</ul>`
    : "";
}

/** A picture embedded as a file, so that it needs nothing else. */
function image(svg: string, alt: string): string {
  return `<img alt="${escapeXml(alt)}" src="data:image/svg+xml;base64,${
    new TextEncoder().encode(svg).toBase64()
  }">`;
}

function mapsSection(maps: Report["maps"]): string {
  if (maps.length === 0) return "";
  return `<section id="maps"><h2>Maps of the held-out features</h2>
<p>Each mark is a held-out image, colored by its class. Training used no classes.</p>
<div class="plots maps">${
    maps.map(({ svg, caption }) => figure(image(svg, caption), caption)).join("")
  }</div></section>`;
}

/** The tables and conclusions as Markdown. */
export function markdownReport(report: Report): string {
  const sections = report.experiments.map(({ title, varies, rows, findings }) =>
    [`### ${title}`, markdownTable(rows, varies), protocolText(rows), ...findings].filter(Boolean).join(
      "\n\n",
    )
  );
  return `${
    [`Scale ${report.scale.name}: ${report.scale.about}. ${provenance(report)}`, ...sections].join("\n\n")
  }\n`;
}

const STYLE = `
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff; max-width: 66rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.25rem; margin-top: 2.5rem; }
nav ul { padding-left: 1.2rem; }
.source { color: ${MUTED}; }
.legend { list-style: none; padding: 0; margin: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; font-size: .9rem; }
.plots { display: flex; flex-wrap: wrap; gap: 1rem 2rem; margin: .8rem 0; }
figure { margin: 0; flex: 0 1 370px; min-width: 0; }
.maps figure { flex: 1 1 100%; overflow-x: auto; } .maps img { width: 100%; max-width: 44rem; min-width: 34rem; }
figcaption { font-weight: 600; font-size: .9rem; }
svg { max-width: 100%; height: auto; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #ddd; }
tbody th, thead th.name { text-align: left; } tbody th { font-weight: normal; } .baseline th, .baseline td { font-weight: 700; }
.finding { border-left: 3px solid ${okabeIto.blue}; padding-left: .8rem; }
.notes, .command { font-size: .85rem; color: ${MUTED}; overflow-wrap: anywhere; }
`;

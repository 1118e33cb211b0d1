/**
 * The report of experiments: one HTML file that needs nothing else.
 *
 * @module
 */
import type { PaperRow } from "./experiment.ts";
import { estimateText, pointsText, type RowFigures } from "./figures.ts";
import { collapsedText, markdownTable } from "./markdown.ts";
import { legendOf, measuredPlot, paperPlot } from "./plots.ts";
import { duration } from "./runner.ts";

/** An experiment with what it came to. */
export interface ReportedExperiment {
  name: string;
  title: string;
  varies: string;
  about: string;
  source: string;
  command: string;
  rows: RowFigures[];
  /** What the paper's plot shows. */
  paperRows: readonly PaperRow[];
  /** What a person found: paragraphs. */
  findings: string[];
  /** Top-1 of the untrained encoder by linear evaluation, per cent; null if it was not evaluated with these runs. */
  untrained: number | null;
}

/** What a report tells. */
export interface Report {
  scale: { name: string; about: string };
  experiments: ReportedExperiment[];
  /** SVGs of held-out features, each with its caption. */
  maps: { caption: string; svg: string }[];
  /** Of all runs. */
  runs: number;
  seconds: number;
  adapters: string[];
  denos: string[];
  /** Of the first and the last run, ISO 8601. */
  dates: { first: string; last: string } | null;
}

const escape = (text: string) =>
  text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]!);

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

/** How and where the runs were made. */
function provenance({ runs, seconds, adapters, denos, dates }: Report): string {
  if (!dates) return "No run is done.";
  const [first, last] = [dates.first, dates.last].map((date) => date.slice(0, 10));
  return `${runs} runs, ${first === last ? first : `${first} to ${last}`}, on ${
    adapters.join("; ")
  }, with Deno ${denos.join(", ")}: ${duration(seconds)} of training and evaluation in all.`;
}

/** The report as a page. */
export function htmlReport(report: Report): string {
  const { scale, experiments, maps } = report;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>BYOL experiments: ${escape(scale.name)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>BYOL's experiments, ${escape(scale.name)} scale</h1>
<p>Scale: ${escape(scale.about)}. ${escape(provenance(report))}</p>
<p>Each row is trained as its options say and then evaluated on held-out images: by a linear classifier on the frozen
features, as in the paper, and by kNN. Means over seeds with their standard deviation; a row without one is of a single
seed, and may be off by as much as those that have one vary.
The paper's figures are of ImageNet, a ResNet-50 and 300 epochs: what can agree is the order and the sign of
differences, not the values. <i>Points</i> are differences from the row in bold type; <i>spread</i> is the standard
deviation of the normalised projections times √D, 1 when they are spread evenly and 0 when they have collapsed.</p>
<nav><ul>${
    experiments.map(({ name, title }) => `<li><a href="#${name}">${escape(title)}</a></li>`).join("")
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
<h2>${escape(title)}</h2>
<p>${escape(about)} <span class="source">(Grill et al. 2020, ${escape(source)})</span></p>
${legend(rows, reference)}
<div class="plots">${plots.join("")}</div>
${table(rows, varies)}
${findings.map((paragraph) => `<p class="finding">${escape(paragraph)}</p>`).join("\n")}
${notes(rows)}
<p class="command"><code>${escape(command)}</code></p>
</section>`;
}

const figure = (svg: string, caption: string) =>
  `<figure><figcaption>${escape(caption)}</figcaption>${svg}</figure>`;

/** What the marks mean. */
function legend(rows: readonly RowFigures[], untrained: number | null): string {
  const several = legendOf(rows).length > 1;
  const names = legendOf(rows).map(({ series, colour }) =>
    `<li><span style="color:${colour}">●</span> ${escape(several ? `${series}, linear` : "linear")}</li>`
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
      several ? `<th>${escape(row.series)}</th>` : ""
    }<th>${escape(row.name)}</th>${cells.map((cell) => `<td>${escape(cell)}</td>`).join("")}</tr>`;
  };
  return `<div class="table"><table><thead><tr>${
    head.map((cell) =>
      `<th${cell === "method" || cell === varies ? ' class="name"' : ""}>${escape(cell)}</th>`
    ).join("")
  }</tr></thead><tbody>${rows.map(line).join("\n")}</tbody></table></div>`;
}

/** Evidence of collapses, and failures, each once. */
function notes(rows: readonly RowFigures[]): string {
  const items = rows.flatMap(({ series, name, collapses, failures }) => [
    ...collapses.slice(0, 1).map((evidence) => `${series}, ${name}: collapsed, ${evidence}`),
    ...failures.map((failure) => `${series}, ${name}: failed: ${failure}`),
  ]);
  return items.length
    ? `<ul class="notes">${items.map((item) => `<li>${escape(item)}</li>`).join("")}</ul>`
    : "";
}

/** A picture of its own: the ids within two of them are the same. */
function image(svg: string, alt: string): string {
  return `<img alt="${escape(alt)}" src="data:image/svg+xml;base64,${
    new TextEncoder().encode(svg).toBase64()
  }">`;
}

function mapsSection(maps: Report["maps"]): string {
  if (maps.length === 0) return "";
  return `<section id="maps"><h2>Maps of the held-out features</h2>
<p>Each dot is an image, its colour its class, which no training saw.</p>
<div class="plots maps">${
    maps.map(({ svg, caption }) => figure(image(svg, caption), caption)).join("")
  }</div></section>`;
}

/** The tables by themselves, for a README. */
export function markdownReport(report: Report): string {
  const sections = report.experiments.map(({ title, varies, rows, findings }) =>
    [`### ${title}`, markdownTable(rows, varies), ...findings].join("\n\n")
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
.source { color: #555; }
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
.finding { border-left: 3px solid #0072B2; padding-left: .8rem; }
.notes, .command { font-size: .85rem; color: #444; overflow-wrap: anywhere; }
`;

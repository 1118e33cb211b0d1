/** Figures and reports of made-up results. */
import { figuresOf, protocolText } from "../../src/experiments/figures.ts";
import { markdownTable } from "../../src/experiments/markdown.ts";
import { htmlReport, markdownReport, parseFindings, type Report } from "../../src/experiments/report.ts";
import type { IndexedRow, RunFailure, RunResult } from "../../src/experiments/results.ts";
import { assert, assertClose, assertEquals } from "../assert.ts";
import { resultOf } from "./results.ts";

const rows: IndexedRow[] = [
  { name: "untrained", untrained: true, paper: 1.4, ids: ["a", "b", "c"] },
  { name: "all <of it>", baseline: true, paper: 72.5, ids: ["a", "b", "c"] },
  { name: "none", paper: .3, ids: ["d", "e", "f"] },
  { name: "all <of it>", series: "SimCLR", baseline: true, ids: ["g"] },
];
const failure: RunFailure = {
  id: "e",
  given: {},
  failure: "the GPU was lost",
  date: "2026-01-02T00:00:00.000Z",
};
const results = new Map<string, RunResult | RunFailure>([
  ["a", resultOf("a", { linear: .6 })],
  ["b", resultOf("b", { linear: .62 })],
  ["c", resultOf("c", { linear: .67, date: "2026-01-03T00:00:00.000Z" })],
  ["d", resultOf("d", { linear: .2, z_std: .001, collapse: "z_std fell to 0.001" })],
  ["e", failure],
  ["g", resultOf("g", { linear: .5 })],
]);
const figures = figuresOf(rows, results);

const report: Report = {
  scale: { name: "quick", about: "small" },
  experiments: [{
    name: "fixed-target",
    title: "A title",
    varies: "target",
    about: "What is asked.",
    source: "table 5a",
    command: "./run experiments --quick",
    rows: figures,
    paperRows: rows,
    findings: ["It holds & stands."],
    untrained: null,
  }],
  maps: [{ caption: "Trained", svg: "<svg><title>map</title></svg>" }],
  runs: 5,
  seconds: 200,
  adapters: ["a made-up adapter"],
  denos: ["2.9.6"],
  dates: { first: "2026-01-02T03:04:05.678Z", last: "2026-01-03T00:00:00.000Z" },
};

Deno.test("figuresOf() averages over seeds and subtracts the baseline of the series", () => {
  const [untrained, base, none, simclr] = figures;
  const { mean, sd, n } = base.linear!;
  assertClose("baseline", [mean, sd!, n], [63, Math.sqrt(13), 3], { relative: 1e-9 });
  assertClose("kNN", [base.knn!.mean, untrained.knn!.mean], [58, 40], { relative: 1e-9 });
  assertClose("untrained", [untrained.linear!.mean, untrained.difference!, untrained.paperDifference!], [
    45,
    -18,
    -71.1,
  ], { relative: 1e-9 });
  assertEquals([untrained.spread, untrained.seconds, untrained.collapses], [null, null, []]);
  assertClose("spread", [base.spread!.mean, none.spread!.mean], [.8, .008], { relative: 1e-9 });
  assertClose("without", [none.linear!.mean, none.difference!, none.paperDifference!], [20, -43, -72.2], {
    relative: 1e-9,
  });
  assertEquals([none.linear!.n, none.missing, none.failures, none.collapses], [
    1,
    1,
    ["the GPU was lost"],
    ["z_std fell to 0.001"],
  ]);
  assertEquals([simclr.difference, simclr.paper, simclr.linear!.sd], [null, null, null]);
});

Deno.test("figuresOf() compares no figures of different protocols, and the report tells versions", () => {
  assertEquals([figures[1].protocols, figures[2].protocols], [[1], [1]]); // kept results name none
  assertEquals(protocolText(figures), "Evaluated by version 1 of the protocol.");
  assert(markdownReport(report).includes("\n\nEvaluated by version 1 of the protocol.\n\n"));
  const later = new Map([...results, ["d", resultOf("d", { linear: .2, protocol: 2 })]]);
  const mixed = figuresOf(rows, later);
  assertEquals([mixed[0].difference !== null, mixed[2].protocols, mixed[2].difference], [true, [2], null]);
  const text =
    "Figures of different versions of the protocol are not comparable: version 1 evaluated untrained, all <of it>, " +
    "all <of it>; version 2 evaluated none.";
  assertEquals(protocolText(mixed), text);
  const page = htmlReport({ ...report, experiments: [{ ...report.experiments[0], rows: mixed }] });
  assert(page.includes(text.replaceAll("<of it>", "&lt;of it&gt;")));
  assertEquals(protocolText(figuresOf(rows, new Map())), "");
});

Deno.test("markdownTable() has a line per row with its figures", () => {
  assertEquals(markdownTable(figures, "target").split("\n"), [
    "| method | target | linear, % | kNN, % | points | paper, % | points | collapsed |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
    "| BYOL | untrained | 45.0 ± 0.0 | 40.0 ± 0.0 | −18.0 | 1.4 | −71.1 |  |",
    "| BYOL | all <of it> | 63.0 ± 3.6 | 58.0 ± 3.6 |  | 72.5 |  |  |",
    "| BYOL | none | 20.0 | 15.0 | −43.0 | 0.3 | −72.2 | 1 of 2, 1 failed, 1 not run |",
    "| SimCLR | all <of it> | 50.0 | 45.0 |  |  |  |  |",
  ]);
  const text = markdownReport(report);
  assert(
    text.includes("5 runs, 2026-01-02 to 2026-01-03, on a made-up adapter, with Deno 2.9.6: 3 min"),
    text,
  );
  assert(text.includes("### A title\n\n| method |") && text.includes("It holds & stands."), text);
});

Deno.test("htmlReport() has tables, plots, evidence and findings, is self-contained, and escapes text", () => {
  const html = htmlReport(report);
  for (
    const part of [
      "<td>63.0 ± 3.6</td>",
      "<td>−43.0</td>",
      "collapsed, z_std fell to 0.001",
      "failed: the GPU was lost",
      "It holds &amp; stands.",
      `<img alt="Trained" src="data:image/svg+xml;base64,${btoa("<svg><title>map</title></svg>")}">`,
      "<code>./run experiments --quick</code>",
      "all &lt;of it&gt;",
      'id="fixed-target"',
    ]
  ) assert(html.includes(part), `${part} is missing`);
  assert(
    !html.includes("<of it>") && !/\b(src|href)="(?!#|data:)/.test(html) && !html.includes("@import"),
    "it needs other files",
  );
  const plots = html.match(/<svg[^>]*role="img".*?<\/svg>/gs)!;
  assertEquals(plots.length, 2);
  // One dot or cross for each figure: three of BYOL (one collapsed), one of SimCLR; and as many squares for kNN.
  const [measured, paper] = plots;
  const marks = (svg: string) =>
    (svg.match(/aria-label="dot".*?<\/g>/gs) ?? []).map((group) =>
      (group.match(/<(circle|path)/g) ?? []).length
    )
      .reduce((a, b) => a + b, 0);
  assertEquals([marks(measured), marks(paper)], [8, 3]);
  assert(
    measured.includes("top-1 on held-out images, %") && paper.includes("on ImageNet, %"),
    "labels of axes",
  );
  assert(
    measured.includes("#0072b2") && measured.includes("#d55e00") && !paper.includes("#d55e00"),
    "colors",
  );
});

Deno.test("htmlReport() draws the untrained encoder as a dashed line where it is no row", () => {
  const { rows, ...experiment } = report.experiments[0];
  const page = (kept: typeof rows) =>
    htmlReport({ ...report, experiments: [{ ...experiment, untrained: 45, rows: kept }] });
  assertEquals([page(rows), page(rows.slice(1))].map((html) => html.includes("stroke-dasharray")), [
    false,
    true,
  ]);
  assert(page(rows.slice(1)).includes("┆ untrained encoder"), "legend");
});

Deno.test("parseFindings() returns paragraphs by heading", () => {
  const text = "# Findings\n\n## tau\n\nOne\nline.\n\nAnother.\n\n## batch\nThird.\n";
  assertEquals([...parseFindings(text)], [["tau", ["One line.", "Another."]], ["batch", ["Third."]]]);
});

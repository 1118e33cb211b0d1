/** Tables of experiments in Markdown. */
import { estimateText, pointsText, type RowFigures } from "./figures.ts";

/** The rows of an experiment as a Markdown table; `varies` is the heading of their names. */
export function markdownTable(rows: readonly RowFigures[], varies: string): string {
  const several = new Set(rows.map(({ series }) => series)).size > 1;
  const head = [
    ...(several ? ["method"] : []),
    varies,
    "linear, %",
    "kNN, %",
    "points",
    "paper, %",
    "points",
    "collapsed",
  ];
  const lines = rows.map((row) => [
    ...(several ? [row.series] : []),
    row.name,
    estimateText(row.linear),
    estimateText(row.knn),
    pointsText(row.difference),
    row.paper?.toFixed(1) ?? "",
    pointsText(row.paperDifference),
    collapsedText(row),
  ]);
  return [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** How many runs of a row collapsed, failed, or were not run. */
export function collapsedText({ collapses, failures, missing, spread }: RowFigures): string {
  const runs = (spread?.n ?? 0) + failures.length;
  return [
    collapses.length ? `${collapses.length} of ${runs}` : "",
    failures.length ? `${failures.length} failed` : "",
    missing ? `${missing} not run` : "",
  ].filter(Boolean).join(", ");
}

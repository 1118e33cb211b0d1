/**
 * The report of an evaluation as a table for the terminal.
 *
 * @module
 */
import type { EvaluationReport } from "./evaluate.ts";

const percent = (share: number | null | undefined) =>
  share === null || share === undefined ? "" : `${(100 * share).toFixed(1)} %`;

/** The rows as text in columns. */
export function evaluationTable({ rows, classes, counts }: EvaluationReport): string {
  const ks = Object.keys(rows[0].knn);
  const linear = rows.some((row) => row.linear),
    top5 = rows.some((row) => row.linear?.top5 !== null && row.linear);
  const head = [
    "",
    ...ks.map((k) => `kNN k=${k}`),
    ...linear ? ["linear top-1"] : [],
    ...top5 ? ["top-5"] : [],
  ];
  const body = rows.map(({ name, knn, linear: found }) => [
    name === "untrained" || name === "trained" ? `${name} encoder` : name,
    ...ks.map((k) => percent(knn[k])),
    ...linear ? [percent(found?.top1)] : [],
    ...top5 ? [percent(found?.top5)] : [],
  ]);
  const widths = head.map((_, i) => Math.max(...[head, ...body].map((cells) => cells[i].length)));
  const line = (cells: string[]) =>
    cells.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join("  ").trimEnd();
  return [
    `${classes.length} classes, ${counts.train} labelled images to learn from, ${counts.test} to be asked about`,
    ...[head, ...body].map(line),
  ].join("\n");
}

/**
 * The report of an evaluation as a table for the terminal.
 *
 * @module
 */
import type { EvaluationReport } from "./types.ts";

const percent = (share: number | null | undefined) =>
  share === null || share === undefined ? "" : `${(100 * share).toFixed(1)} %`;

/** The rows as text in columns. */
export function evaluationTable({ rows, finetuned, classes, counts }: EvaluationReport): string {
  const ks = Object.keys(rows[0].knn);
  const scores = [...rows.map(({ linear }) => linear), finetuned].filter((score) => score !== null);
  const top1 = scores.length > 0, top5 = scores.some((score) => score.top5 !== null);
  const cells = (name: string, knn: Record<string, number>, score: typeof scores[number] | null) => [
    name,
    ...ks.map((k) => percent(knn[k])),
    ...top1 ? [percent(score?.top1)] : [],
    ...top5 ? [percent(score?.top5)] : [],
  ];
  const table = [
    ["", ...ks.map((k) => `kNN k=${k}`), ...top1 ? ["linear top-1"] : [], ...top5 ? ["top-5"] : []],
    ...rows.map(({ name, knn, linear }) =>
      cells(name === "raw pixels" ? name : `${name} encoder`, knn, linear)
    ),
    ...finetuned ? [cells("fine-tuned encoder", {}, finetuned)] : [],
  ];
  const widths = table[0].map((_, i) => Math.max(...table.map((row) => row[i].length)));
  const line = (row: string[]) =>
    row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join("  ").trimEnd();
  return [
    `${classes.length} classes, ${counts.train} labelled images to learn from, ${counts.test} to be asked about`,
    ...table.map(line),
  ].join("\n");
}

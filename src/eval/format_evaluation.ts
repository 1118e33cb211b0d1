/**
 * The report of an evaluation as text.
 *
 * @module
 */
import { alignColumns, counted, grouped, percent } from "../base/format.ts";
import type { EvaluationReport } from "./types.ts";

/** `report` as a table for the terminal: a line per row, a column per score; then the warnings. */
export function formatEvaluation(
  { rows, finetuned, classes, counts, warnings, settings }: EvaluationReport,
): string {
  const ks = Object.keys(rows[0].knn);
  const scores = [...rows.map(({ linear }) => linear), finetuned].filter((score) => score !== null);
  const top1 = scores.length > 0, top5 = scores.some((score) => score.top5 !== null);
  const cells = (name: string, knn: Record<string, number>, score: typeof scores[number] | null) => [
    name,
    ...ks.map((k) => percent(knn[k])),
    ...top1 ? [percent(score?.top1)] : [],
    ...top5 ? [percent(score?.top5)] : [],
  ];
  const { train, test, bad, leftOut } = counts;
  return [
    `${counted(classes.length, "class", "classes")}, ${counted(train, "labeled image")} to learn from, ` +
    `${grouped(test)} to test on` +
    (bad ? `, ${grouped(bad)} skipped` : "") + (leftOut ? `, ${grouped(leftOut)} left out` : "") +
    `; protocol ${settings.protocol}` + (top1 ? ": linear on standardized features" : ""),
    ...alignColumns([
      ["", ...ks.map((k) => `kNN k=${k}`), ...top1 ? ["linear top-1"] : [], ...top5 ? ["top-5"] : []],
      ...rows.map(({ name, knn, linear }) =>
        cells(name === "raw pixels" ? name : `${name} encoder`, knn, linear)
      ),
      ...finetuned ? [cells("fine-tuned encoder", {}, finetuned)] : [],
    ]),
    ...warnings.map((warning) => `Warning: ${warning}`),
  ].join("\n");
}

/**
 * What an evaluation leaves behind.
 *
 * @module
 */
import { join } from "node:path";
import { confusionSvg, MOST_CLASSES } from "../plots/confusion_svg.ts";
import type { EvaluationReport } from "./types.ts";
import { writeFileAtomic } from "../io/atomic.ts";
import { fileError } from "../io/file_error.ts";
import { writeJson } from "../io/json_file.ts";

/**
 * Writes the report to the folder `out`, with its pictures and the `maps` by the names of their files, and notes there
 * which files: evaluation.json last, when all else is there.
 */
export async function writeEvaluation(
  out: string,
  { report, maps }: { report: EvaluationReport; maps: Readonly<Record<string, string>> },
): Promise<void> {
  try {
    await Deno.mkdir(out, { recursive: true });
  } catch (error) {
    throw fileError(out, error);
  }
  const { rows, classes, paths } = report, { confusion, linear } = rows[rows.length - 1];
  if (confusion && classes.length <= MOST_CLASSES) {
    const by = linear ? "a linear classifier" : `kNN, k = ${Object.keys(rows[0].knn)[0]}`;
    const title = `Trained encoder, ${by}: ${report.counts.test} test images`;
    await writeText(join(out, "confusion.svg"), confusionSvg(confusion, { classes, title }), paths);
  }
  for (const [name, text] of Object.entries(maps)) await writeText(join(out, name), text, paths);
  const path = join(out, "evaluation.json");
  paths.push(path);
  await writeJson(path, report);
}

async function writeText(path: string, text: string, paths: string[]): Promise<void> {
  await writeFileAtomic(path, [new TextEncoder().encode(text)]);
  paths.push(path);
}

/**
 * The figures of a finished run, as data and as text.
 *
 * @module
 */
import { join } from "node:path";
import type { StreamCounts } from "../../data/count.ts";
import { percent } from "../base/format.ts";
import type { EvaluationRecord } from "../config/callbacks.ts";
import type { DataReport } from "../eval/data_report.ts";
import { verdictText } from "../eval/verdict_text.ts";
import { writeJson } from "../io/json_file.ts";
import { toCamelCase, toSnakeCase } from "../io/snake_case.ts";
import type { Collapse } from "./collapse.ts";
import type { KnnBefore } from "./records.ts";

/** kNN accuracies on the held-out images, 0 … 1. */
export interface KnnFigures extends KnnBefore {
  /** Accuracy of the trained encoder. */
  trained: number;
}

/** The figures of a finished run: the content of summary.json, whose keys are the same in snake_case. */
export interface Summary {
  /** Null without held-out labeled images. */
  knn: KnnFigures | null;
  /** Loss of the last step. */
  finalLoss: number;
  /** Seconds of training, since the run was started or last resumed. */
  seconds: number;
  /** Source images per second in that time. */
  imagesPerSecond: number;
  /** The first collapse; null if there was none. */
  collapse: Collapse | null;
  /** What the run found in its data, and how it was divided. */
  data: DataReport;
  /** Of a stream whose number of images is unknown: what its parts held that were read to their end; otherwise null. */
  read: StreamCounts | null;
  /** Images that could not be used, and those that the options left out, by their files. */
  unused: { bad: number; leftOut: number };
}

const summaryPath = (out: string) => join(out, "summary.json");

/** Writes the summary of the run in `out`. */
export async function writeSummary(out: string, summary: Summary): Promise<void> {
  await writeJson(summaryPath(out), toSnakeCase(summary));
}

/** The summary of the run in `out`; null if it has not finished. */
export async function readSummary(out: string): Promise<Summary | null> {
  try {
    return toCamelCase(JSON.parse(await Deno.readTextFile(summaryPath(out)))) as Summary;
  } catch {
    return null;
  }
}

/** kNN accuracies as text, with the trained encoder's if it is known. */
export function knnLine(
  { rawPixels, untrained, trained }: KnnBefore & { trained?: number },
  { init }: { init: string | null },
): string {
  return `raw pixels ${percent(rawPixels)}, ${init === null ? "untrained" : "initial"} ${
    percent(untrained)
  }` +
    (trained === undefined ? "" : `, trained ${percent(trained)}`);
}

/** An evaluation during training as text. */
export function evaluationLine(record: EvaluationRecord): string {
  const { step, knn, probe, rankme, rankmeProjections, neighborStability: kept } = record;
  const verdict = verdictText(record);
  return [
    `Step ${step}`,
    ...knn === null ? [] : [`kNN ${percent(knn)}`],
    ...probe === null ? [] : [`linear probe ${percent(probe)}`],
    `effective rank ${rankme.toFixed(1)} of the features, ${rankmeProjections.toFixed(1)} of the projections`,
    ...kept === null ? [] : [`${percent(kept)} of the neighbors stayed`],
    ...verdict ? [verdict] : [],
  ].join(" | ");
}

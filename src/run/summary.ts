/**
 * What a run came to, in figures and in words.
 *
 * @module
 */
import { join } from "node:path";
import type { Collapse } from "./collapse.ts";
import type { KnnBefore } from "./records.ts";
import type { EvaluationRecord } from "./evaluation.ts";

/** kNN accuracies in 0 … 1 on the held-out samples. */
export interface KnnFigures extends KnnBefore {
  trained: number;
}

/** What a run came to; the content of summary.json. */
export interface Summary {
  /** Null without held-out labelled samples. */
  knn: KnnFigures | null;
  final_loss: number;
  seconds: number;
  images_per_second: number;
  /** When the run collapsed, and what tells; null of a healthy run. */
  collapse: Collapse | null;
}

/** The summary of a run that has ended; null if it was interrupted before that. */
export async function finishedSummary(out: string): Promise<Summary | null> {
  try {
    const summary = JSON.parse(await Deno.readTextFile(join(out, "summary.json")));
    return { ...summary, collapse: summary.collapse ?? null }; // versions that did not watch for one knew of none
  } catch {
    return null;
  }
}

/** kNN accuracies in words, the trained encoder's if it is known. */
export function knnLine(figures: KnnBefore & { trained?: number }): string {
  const { raw_pixels, untrained, trained } = figures;
  return `raw pixels ${percent(raw_pixels)}, untrained ${percent(untrained)}` +
    (trained === undefined ? "" : `, trained ${percent(trained)}`);
}

/** An evaluation during training in words. */
export function evaluationLine({ step, knn, probe, rankme, rankme_projections }: EvaluationRecord): string {
  const shares = [["kNN", knn], ["linear probe", probe]] as const;
  return [
    `Step ${step}`,
    ...shares.flatMap(([name, share]) => share === null ? [] : [`${name} ${percent(share)}`]),
    `effective rank ${rankme.toFixed(1)} of the features, ${
      rankme_projections.toFixed(1)
    } of the projections`,
  ].join(" | ");
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

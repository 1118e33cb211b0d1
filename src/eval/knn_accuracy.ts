/**
 * kNN accuracy on held-out samples.
 *
 * @module
 */
import type { Gpu } from "../gpu/device.ts";
import { defaultK, knnAccuracy } from "./knn.ts";

/** kNN accuracy in 0 … 1 with the default k; null if no query has a class that a reference has. */
export async function knnOrNull(
  gpu: Gpu,
  sets: Omit<Parameters<typeof knnAccuracy>[1], "k">,
): Promise<number | null> {
  const known = new Set(sets.references.labels);
  if (!sets.queries.labels.some((label) => label >= 0 && known.has(label))) return null;
  const references = sets.references.labels.reduce((count, label) => count + (label >= 0 ? 1 : 0), 0);
  return await knnAccuracy(gpu, { ...sets, k: defaultK(references) });
}

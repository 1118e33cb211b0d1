/**
 * Places of vectors on a plane.
 *
 * @module
 */
import { keyedRandom } from "../base/random.ts";
import { onAbort } from "../base/on_abort.ts";
import { type Neighborhoods, NEIGHBORS } from "./neighborhoods.ts";
import type { UmapAnswer, UmapJob } from "./umap_job.ts";

/** A map of all rows. */
export interface PlacedRows {
  name: string;
  /** What the two directions are. */
  axes: readonly [string, string];
  /** [n, 2]: from −1 to 1, with one scale for both directions. */
  points: Float32Array<ArrayBuffer>;
}

const JITTER_KEY = 2 ** 45;
/** UMAP needs more rows than neighbors, and of fewer it says nothing. */
const FEWEST = NEIGHBORS + 2;

/** The map by the first two of `scores` [n, dims], principal components that explain `shares` of the variance. */
export function pcaMap(
  scores: Float64Array,
  { dims, shares }: { dims: number; shares: readonly number[] },
): PlacedRows {
  const n = scores.length / dims, points = new Float32Array(2 * n);
  for (let i = 0; i < n; i++) {
    points[2 * i] = scores[i * dims];
    points[2 * i + 1] = scores[i * dims + 1];
  }
  const axis = (i: number) =>
    `principal component ${i + 1}, ${(100 * (shares[i] ?? 0)).toFixed(1)} % of the variance`;
  return { name: "PCA", axes: [axis(0), axis(1)], points: fitted(points) };
}

/** The map by UMAP (McInnes et al. 2018), computed in a Worker. It starts from `pca`; null if there are too few rows. */
export async function umapMap(
  { k, neighbors, cosines }: Neighborhoods,
  { pca, seed, signal, onProgress }: {
    pca: PlacedRows;
    seed: number;
    signal?: AbortSignal;
    onProgress?: (epochs: number, total: number) => void;
  },
): Promise<PlacedRows | null> {
  if (pca.points.length / 2 < FEWEST) return null;
  const { normal } = keyedRandom(seed, JITTER_KEY);
  // Equal vectors start at different places, as the reference implementation does.
  const start = pca.points.map((value) => 10 * value + 1e-4 * normal());
  const worker = new Worker(new URL("./umap_worker.ts", import.meta.url), { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<Float32Array<ArrayBuffer>>();
  using _ = onAbort(signal, () => reject(signal!.reason));
  worker.onmessage = ({ data }: MessageEvent<UmapAnswer>) => {
    if ("points" in data) resolve(data.points);
    else onProgress?.(data.epoch, data.epochs);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(`The map could not be computed: ${event.message}`));
  };
  try {
    worker.postMessage({ k, neighbors, cosines, start, seed } satisfies UmapJob);
    const points = fitted(await promise);
    return {
      name: "UMAP",
      axes: ["UMAP 1, no unit: only neighborhoods have a meaning", "UMAP 2, no unit"],
      points,
    };
  } finally {
    worker.terminate();
  }
}

/** The points moved and scaled to −1 … 1, in place. */
function fitted(points: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const low = [Infinity, Infinity], high = [-Infinity, -Infinity];
  points.forEach((value, i) => {
    low[i % 2] = Math.min(low[i % 2], value);
    high[i % 2] = Math.max(high[i % 2], value);
  });
  const half = Math.max(high[0] - low[0], high[1] - low[1]) / 2 || 1;
  points.forEach((value, i) => points[i] = (value - (low[i % 2] + high[i % 2]) / 2) / half);
  return points;
}

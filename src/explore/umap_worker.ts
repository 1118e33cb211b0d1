/**
 * The Worker that computes a map by UMAP. Its one message is a {@linkcode UmapJob}; it answers with the numbers of epochs that
 * are done and of all, then with the coordinates.
 *
 * @module
 */
/// <reference lib="deno.worker" />
import { UMAP } from "npm:umap-js@1.4.0";
import { keyedRandom } from "../base/random.ts";
import type { UmapAnswer, UmapJob } from "./umap_job.ts";

const MAP_KEY = 2 ** 44;
/** Epochs between two answers. */
const EVERY = 5;

self.onmessage = ({ data }: MessageEvent<UmapJob>) => {
  const points = umap(data, (epoch, epochs) => answer({ epoch, epochs }));
  answer({ points });
};

const answer = (message: UmapAnswer) => self.postMessage(message);

function umap(
  { neighbors, cosines, k, start, seed }: UmapJob,
  onEpoch: (epoch: number, epochs: number) => void,
): Float32Array<ArrayBuffer> {
  const n = start.length / 2;
  // The package counts a row as its own first neighbor.
  const rows = Array.from({ length: n }, (_, i) => [i, ...neighbors.subarray(i * k, (i + 1) * k)]);
  const distances = Array.from(
    { length: n },
    (_, i) => [0, ...cosines.subarray(i * k, (i + 1) * k).map((cosine) => Math.max(0, 1 - cosine))],
  );
  const { uniform } = keyedRandom(seed, MAP_KEY);
  const map = new UMAP({ nComponents: 2, nNeighbors: k + 1, random: uniform });
  map.setPrecomputedKNN(rows, distances);
  onEpoch(0, 1);
  // With neighbors given, only the number of rows counts.
  const epochs = map.initializeFit(rows);
  // From principal components the map keeps more of the large-scale arrangement than from random places.
  map.getEmbedding().forEach((point, i) => {
    point[0] = start[2 * i];
    point[1] = start[2 * i + 1];
  });
  for (let epoch = 1; epoch <= epochs; epoch++) {
    map.step();
    if (epoch % EVERY === 0) onEpoch(epoch, epochs);
  }
  return Float32Array.from(map.getEmbedding().flat());
}

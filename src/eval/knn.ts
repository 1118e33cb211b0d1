/**
 * Weighted k-nearest-neighbour classification (Wu et al. 2018): each of the k reference samples nearest by cosine votes
 * for its class with weight exp(cosine / T).
 *
 * @module
 */
import type { Gpu } from "../gpu/device.ts";
import { Memory, roundUp, type Store } from "../gpu/memory.ts";
import { Program } from "../graph/program.ts";
import { Tape } from "../graph/tape.ts";
import { targetOf } from "../graph/kernel_choice.ts";
import { tensorIn } from "../graph/tensor.ts";
import { addInto } from "../ops/add.ts";
import { linear } from "../ops/linear.ts";
import { IMAGES_PER_READ, type LabelledFeatures } from "./features.ts";

/** Neighbours and temperature. */
export interface KnnOptions {
  k: number;
  /** The temperature, 0.1 as a rule. */
  T?: number;
}

/** The k that the project reports: 200, or 20 where there are fewer than 5,000 reference samples. */
export function usualK(references: number): number {
  return references < 5000 ? 20 : 200;
}

/** Queries compared in one run of the program, and bytes of references at most. */
const QUERIES = IMAGES_PER_READ, REFERENCE_BYTES = 2 ** 26;

/** What kNN makes of the labelled queries. */
export interface KnnResult {
  /** The share whose class was predicted, 0 … 1. */
  accuracy: number;
  /** The class that each was taken for; −1 of queries without a label. */
  predictions: Int32Array<ArrayBuffer>;
}

/** Samples that vote, and those that are asked about. */
interface KnnSets {
  references: LabelledFeatures;
  queries: LabelledFeatures;
}

/** The share of `queries` whose label the reference samples predict, 0 … 1; see {@linkcode knnClassify}. */
export async function knnAccuracy(gpu: Gpu, { k, ...options }: KnnSets & KnnOptions): Promise<number> {
  const [{ accuracy }] = await knnClassify(gpu, { ...options, ks: [k] });
  return accuracy;
}

/**
 * Classifies `queries` by `references`, for each number of neighbours in `ks`. Samples without a label are left out. Of
 * classes with equal votes the first is predicted.
 *
 * The cosines are a matrix product on the GPU, the votes are counted here.
 */
export async function knnClassify(
  gpu: Gpu,
  { references, queries, ks, T = 0.1 }: KnnSets & Omit<KnnOptions, "k"> & { ks: readonly number[] },
): Promise<KnnResult[]> {
  const known = withLabels(references), asked = withLabels(queries);
  if (!known.labels.length || !asked.labels.length || known.dims !== asked.dims) {
    throw new RangeError(
      `Cannot classify ${asked.labels.length} labelled queries of ${asked.dims} dimensions by ${known.labels.length} ` +
        `labelled references of ${known.dims}: both must be there and agree in dimensions`,
    );
  }
  const { dims } = known, most = Math.max(...ks);
  const D = roundUp(dims, 4);
  const block = Math.min(
    roundUp(known.labels.length, 4),
    Math.max(4, Math.floor(REFERENCE_BYTES / 4 / D / 4) * 4),
  );

  using memory = new Memory(gpu);
  const store = (name: string, floats: number): Store => ({ name, category: "input", bytes: floats * 4 });
  const referenceStore = store("references", D * block), queryStore = store("queries", QUERIES * D);
  const tape = new Tape(
    targetOf(gpu),
    { training: false, views: 1, add: addInto },
  );
  const cosines = tape.withoutGradient(() =>
    linear(tape, {
      x: tensorIn(queryStore, { shape: [QUERIES, D] }),
      w: tensorIn(referenceStore, { shape: [1, 1, D, block] }),
      name: "cosines",
    })
  );
  using program = new Program(memory, { dispatches: tape.dispatches, keep: [cosines] });

  // The k nearest so far of each query, nearest last, since references come block by block.
  const nearest = Array.from({ length: asked.labels.length }, () => new Nearest(most));
  for (let first = 0; first < known.labels.length; first += block) {
    const count = Math.min(block, known.labels.length - first);
    const transposed = new Float32Array(D * block);
    for (let i = 0; i < count; i++) {
      const row = normalized(known.features, (first + i) * dims, dims);
      for (let d = 0; d < dims; d++) transposed[d * block + i] = row[d];
    }
    memory.write(referenceStore, transposed);
    for (let start = 0; start < asked.labels.length; start += QUERIES) {
      const rows = new Float32Array(QUERIES * D);
      const n = Math.min(QUERIES, asked.labels.length - start);
      for (let i = 0; i < n; i++) rows.set(normalized(asked.features, (start + i) * dims, dims), i * D);
      memory.write(queryStore, rows);
      program.run();
      // A reshaped tensor's place is that of its origin.
      const values = await memory.read((cosines.origin ?? cosines).region!);
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < count; j++) {
          nearest[start + i].offer(values[i * block + j], known.labels[first + j]);
        }
      }
    }
  }

  return ks.map((k) => {
    const predicted = nearest.map((found) => found.vote(k, T));
    const right = predicted.filter((label, i) => label === asked.labels[i]).length;
    let at = 0;
    return {
      accuracy: right / asked.labels.length,
      predictions: queries.labels.map((label) => label >= 0 ? predicted[at++] : -1),
    };
  });
}

/** The k largest cosines offered, with their labels, as a sorted list: most offers are below its least. */
class Nearest {
  readonly #cosines: number[] = [];
  readonly #labels: number[] = [];
  constructor(readonly k: number) {}

  offer(cosine: number, label: number): void {
    const cosines = this.#cosines;
    if (cosines.length === this.k && !(cosine > cosines[0])) return;
    let at = cosines.length;
    while (at > 0 && cosines[at - 1] >= cosine) at--;
    cosines.splice(at, 0, cosine);
    this.#labels.splice(at, 0, label);
    if (cosines.length > this.k) {
      cosines.shift();
      this.#labels.shift();
    }
  }

  /** The class that the nearest `k` vote for. */
  vote(k: number, T: number): number {
    const votes = new Map<number, number>();
    for (let i = Math.max(0, this.#cosines.length - k); i < this.#cosines.length; i++) {
      votes.set(this.#labels[i], (votes.get(this.#labels[i]) ?? 0) + Math.exp(this.#cosines[i] / T));
    }
    return [...votes].sort(([a, x], [b, y]) => y - x || a - b)[0][0];
  }
}

function withLabels({ features, labels, dims }: LabelledFeatures): LabelledFeatures {
  if (labels.every((label) => label >= 0)) return { features, labels, dims };
  const rows = [...labels.keys()].filter((i) => labels[i] >= 0);
  const kept = new Float32Array(rows.length * dims);
  rows.forEach((row, i) => kept.set(features.subarray(row * dims, (row + 1) * dims), i * dims));
  return { features: kept, labels: Int32Array.from(rows, (row) => labels[row]), dims };
}

function normalized(features: Float32Array, at: number, dims: number): Float32Array {
  const row = features.subarray(at, at + dims);
  let square = 0;
  for (const value of row) square += value * value;
  const scale = 1 / Math.max(Math.sqrt(square), 1e-12);
  return row.map((value) => value * scale);
}

/**
 * Weighted k-nearest-neighbor classification (Wu et al. 2018): each of the k references nearest by cosine votes for its
 * class with weight exp(cosine / T).
 *
 * @module
 */
import type { Gpu } from "../gpu/device.ts";
import { Memory, roundUp, type Store } from "../gpu/memory.ts";
import { Program } from "../graph/program.ts";
import { Tape } from "../graph/tape.ts";
import { deviceProfileOf } from "../graph/kernel_choice.ts";
import { originOf, tensorIn } from "../graph/tensor.ts";
import { addInto } from "../ops/add.ts";
import { linear } from "../ops/linear.ts";
import { IMAGES_PER_READ, type LabeledFeatures, rowsOf } from "./features.ts";

/** Number of neighbors, and temperature. */
export interface KnnOptions {
  k: number;
  /** Temperature of the votes, 0.1 by default. */
  T?: number;
}

/** The default k: 200, or 20 with fewer than 5,000 references. */
export function defaultK(references: number): number {
  return references < 5000 ? 20 : 200;
}

/** Queries compared at once, and bytes of references at most. */
const QUERIES = IMAGES_PER_READ, REFERENCE_BYTES = 2 ** 26;

/** Result of a classification. */
export interface KnnResult {
  /** Fraction of labeled queries whose class was predicted, 0 … 1. */
  accuracy: number;
  /** The predicted class of each query; −1 for queries without a label. */
  predictions: Int32Array<ArrayBuffer>;
}

/** Samples that vote, and samples to classify. */
interface KnnSets {
  references: LabeledFeatures;
  queries: LabeledFeatures;
}

/** The fraction of `queries` whose label `references` predict, 0 … 1; see {@linkcode knnClassify}. */
export async function knnAccuracy(gpu: Gpu, { k, ...options }: KnnSets & KnnOptions): Promise<number> {
  const [{ accuracy }] = await knnClassify(gpu, { ...options, ks: [k] });
  return accuracy;
}

/**
 * Classifies `queries` by `references`, for each number of neighbors in `ks`. Samples without a label are left out. With
 * equal votes the first class is predicted.
 *
 * Cosines are a matrix product on the GPU; votes are counted on the CPU.
 */
export async function knnClassify(
  gpu: Gpu,
  { references, queries, ks, T = 0.1 }: KnnSets & Omit<KnnOptions, "k"> & { ks: readonly number[] },
): Promise<KnnResult[]> {
  const known = withLabels(references), asked = withLabels(queries);
  if (!known.labels.length || !asked.labels.length || known.dims !== asked.dims) {
    throw new RangeError(
      `Cannot classify ${asked.labels.length} labeled queries of ${asked.dims} dimensions by ${known.labels.length} ` +
        `labeled references of ${known.dims}: there must be some of both, and their dimensions must agree.`,
    );
  }
  const nearest = await nearestOf(gpu, { known, asked, k: Math.max(...ks) });
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

/** The k nearest of `known` for each of `asked`. References come block by block, so that their buffer stays small. */
async function nearestOf(
  gpu: Gpu,
  { known, asked, k }: { known: LabeledFeatures; asked: LabeledFeatures; k: number },
): Promise<Nearest[]> {
  const { dims } = known, D = roundUp(dims, 4);
  const fitting = Math.max(4, Math.floor(REFERENCE_BYTES / 4 / D / 4) * 4);
  const block = Math.min(roundUp(known.labels.length, 4), fitting);
  const { dispatches, cosines, stores } = traceCosines(gpu, { D, block });
  using memory = new Memory(gpu);
  using program = new Program(memory, { dispatches, keep: [cosines] });

  const nearest = Array.from({ length: asked.labels.length }, () => new Nearest(k));
  for (let first = 0; first < known.labels.length; first += block) {
    const count = Math.min(block, known.labels.length - first);
    const transposed = new Float32Array(D * block);
    for (let i = 0; i < count; i++) {
      const row = normalized(known.features, (first + i) * dims, dims);
      for (let d = 0; d < dims; d++) transposed[d * block + i] = row[d];
    }
    memory.write(stores.references, transposed);
    for (let start = 0; start < asked.labels.length; start += QUERIES) {
      const rows = new Float32Array(QUERIES * D);
      const n = Math.min(QUERIES, asked.labels.length - start);
      for (let i = 0; i < n; i++) rows.set(normalized(asked.features, (start + i) * dims, dims), i * D);
      memory.write(stores.queries, rows);
      program.run();
      const values = await memory.read(originOf(cosines).region!);
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < count; j++) {
          nearest[start + i].offer(values[i * block + j], known.labels[first + j]);
        }
      }
    }
  }
  return nearest;
}

/** Traces the cosines of {@linkcode QUERIES} queries [Q, D] to `block` references [D, block], both of unit length. */
function traceCosines(gpu: Gpu, { D, block }: { D: number; block: number }) {
  const store = (name: string, floats: number): Store => ({ name, category: "input", bytes: floats * 4 });
  const stores = { references: store("references", D * block), queries: store("queries", QUERIES * D) };
  const tape = new Tape(deviceProfileOf(gpu), { training: false, views: 1, add: addInto });
  const cosines = tape.noGrad(() =>
    linear(tape, {
      x: tensorIn(stores.queries, { shape: [QUERIES, D] }),
      w: tensorIn(stores.references, { shape: [1, 1, D, block] }),
      name: "cosines",
    })
  );
  return { dispatches: tape.dispatches, cosines, stores };
}

/** The k largest cosines offered, with their labels, in ascending order: most offers are below the first. */
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

  /** The class with the most votes of the nearest `k`. */
  vote(k: number, T: number): number {
    const votes = new Map<number, number>();
    for (let i = Math.max(0, this.#cosines.length - k); i < this.#cosines.length; i++) {
      votes.set(this.#labels[i], (votes.get(this.#labels[i]) ?? 0) + Math.exp(this.#cosines[i] / T));
    }
    return [...votes].sort(([a, x], [b, y]) => y - x || a - b)[0][0];
  }
}

function withLabels(samples: LabeledFeatures): LabeledFeatures {
  const rows = Uint32Array.from(samples.labels.keys()).filter((i) => samples.labels[i] >= 0);
  return rows.length === samples.labels.length ? samples : rowsOf(samples, rows);
}

function normalized(features: Float32Array, at: number, dims: number): Float32Array {
  const row = features.subarray(at, at + dims);
  let square = 0;
  for (const value of row) square += value * value;
  const scale = 1 / Math.max(Math.sqrt(square), 1e-12);
  return row.map((value) => value * scale);
}

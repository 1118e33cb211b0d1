/**
 * The nearest neighbors of images by cosine, and how many of them stay from one evaluation to the next.
 *
 * @module
 */
import type { Gpu } from "../gpu/device.ts";
import { Memory, roundUp } from "../gpu/memory.ts";
import { deviceProfileOf } from "../graph/kernel_choice.ts";
import { Program } from "../graph/program.ts";
import { originOf } from "../graph/tensor.ts";
import { traceCosines, transposed } from "./cosines.ts";
import { IMAGES_PER_READ, type LabeledFeatures } from "./features.ts";

/** Features, a row per image. */
type Features = Pick<LabeledFeatures, "features" | "dims">;

/** The rows nearest to a query, in ascending order of their cosines; of equal ones the first. */
export interface Neighbors {
  readonly rows: readonly number[];
  readonly cosines: readonly number[];
}

/** Queries compared at once, and bytes of references at most. */
const QUERIES = IMAGES_PER_READ, REFERENCE_BYTES = 2 ** 26;

/**
 * The k rows of `known` nearest to each row of `asked`. Cosines are a matrix product on the GPU; references come block by
 * block, so that their buffer stays small.
 */
export async function nearestNeighbors(
  gpu: Gpu,
  { known, asked, k }: { known: Features; asked: Features; k: number },
): Promise<Neighbors[]> {
  const { dims } = known, D = roundUp(dims, 4), references = rowsIn(known), queries = rowsIn(asked);
  const fitting = Math.max(4, Math.floor(REFERENCE_BYTES / 4 / D / 4) * 4);
  const block = Math.min(roundUp(references, 4), fitting);
  const { tape: { dispatches }, cosines, stores } = traceCosines(deviceProfileOf(gpu), {
    queries: QUERIES,
    references: block,
    D,
  });
  using memory = new Memory(gpu);
  using program = new Program(memory, { dispatches, keep: [cosines] });

  const nearest = Array.from({ length: queries }, () => new Nearest(k));
  for (let first = 0; first < references; first += block) {
    const count = Math.min(block, references - first);
    const rows = new Float32Array(count * D);
    for (let i = 0; i < count; i++) rows.set(normalized(known.features, (first + i) * dims, dims), i * D);
    memory.write(stores.references, transposed(rows, { D, references: block }));
    for (let start = 0; start < queries; start += QUERIES) {
      const rows = new Float32Array(QUERIES * D), n = Math.min(QUERIES, queries - start);
      for (let i = 0; i < n; i++) rows.set(normalized(asked.features, (start + i) * dims, dims), i * D);
      memory.write(stores.queries, rows);
      program.run();
      const values = await memory.read(originOf(cosines).region!);
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < count; j++) nearest[start + i].offer(first + j, values[i * block + j]);
      }
    }
  }
  return nearest;
}

/** The k nearest of the other rows to each row of `features`, [n, k] or fewer. */
export async function neighborsWithin(
  gpu: Gpu,
  { features, k }: { features: Features; k: number },
): Promise<number[][]> {
  // A row is mostly its own nearest, but for equal ones.
  const nearest = await nearestNeighbors(gpu, { known: features, asked: features, k: k + 1 });
  return nearest.map(({ rows }, i) => rows.toReversed().filter((row) => row !== i).slice(0, k));
}

/** The share of neighbors that `before` and `after` have in common, 0 … 1, averaged over the images. */
export function sharedNeighbors(
  before: readonly (readonly number[])[],
  after: readonly (readonly number[])[],
): number {
  let shared = 0, all = 0;
  for (const [i, rows] of after.entries()) {
    const known = new Set(before[i]);
    shared += rows.filter((row) => known.has(row)).length;
    all += rows.length;
  }
  return all > 0 ? shared / all : 1;
}

/** The k rows with the largest cosines offered, in ascending order: most offers are below the first. */
export class Nearest implements Neighbors {
  readonly rows: number[] = [];
  readonly cosines: number[] = [];
  constructor(readonly k: number) {}

  offer(row: number, cosine: number): void {
    const { rows, cosines } = this;
    if (cosines.length === this.k && !(cosine > cosines[0])) return;
    let at = cosines.length;
    while (at > 0 && cosines[at - 1] >= cosine) at--;
    cosines.splice(at, 0, cosine);
    rows.splice(at, 0, row);
    if (cosines.length > this.k) {
      cosines.shift();
      rows.shift();
    }
  }
}

const rowsIn = ({ features, dims }: Features) => dims > 0 ? features.length / dims : 0;

function normalized(features: Float32Array, at: number, dims: number): Float32Array {
  const row = features.subarray(at, at + dims);
  let square = 0;
  for (const value of row) square += value * value;
  const scale = 1 / Math.max(Math.sqrt(square), 1e-12);
  return row.map((value) => value * scale);
}

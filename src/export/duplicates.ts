/**
 * Near-duplicates among embeddings: groups of images whose vectors are nearly parallel.
 *
 * @module
 */
import { expectDuplicatesOptions } from "../config/embed_flags.ts";
import type { KernelSelection } from "../config/pretrain_options.ts";
import { openKernelChoice } from "../eval/kernels.ts";
import { openGpu } from "../gpu/device.ts";
import { deviceProfileOf } from "../graph/kernel_choice.ts";
import type { EmbeddingsTable } from "./embeddings_table.ts";
import { Groups } from "./groups.ts";
import { openEmbeddings } from "./open_embeddings.ts";
import { PairFinder } from "./pair_finder.ts";
import { exactCosine, paddedDims, readBlock, type VectorBlock } from "./vector_block.ts";

/** Options of {@linkcode findDuplicates}. */
export interface DuplicatesOptions {
  /** File of the embeddings: .parquet, .npy, .csv or .safetensors. */
  embeddings: string;
  /** Least cosine of two images that are called duplicates, 0.1 … 1. Default: 0.99. */
  threshold?: number;
  /** How kernels are chosen, as for training. Default: `"auto"`. */
  kernels?: KernelSelection;
  /** Receives each line of text. Default: lines are printed. */
  log?: (line: string) => void;
  /** Hears how many pairs of how many are compared. */
  onProgress?: (pairs: number, total: number) => void;
  /** Ends the search with its reason when aborted. */
  signal?: AbortSignal;
}

/** A member of a group of duplicates. */
export interface Duplicate {
  /** Its row in the embeddings, from 0. */
  row: number;
  /** Its key. */
  key: string;
  /** The cosine of its vector to that of the first member; 1 for that one. */
  cosine: number;
}

/** The least cosine of duplicates, unless another is given. */
export const DEFAULT_THRESHOLD = 0.99;
/** A group of more images, and of more than this share of all, gets a warning. */
const MANY = 20, MANY_SHARE = 0.02;
/** Bytes of the vectors of a block in memory; there are two. */
const BLOCK_BYTES = 2 ** 29;

/**
 * Groups images whose vectors have a cosine of at least `threshold`, directly or through others of the group. Groups come in the
 * order of their first members, members in the order of their rows. All pairs are compared on the GPU, in tiles: memory holds
 * two blocks of 512 MB, however many vectors there are. The result depends on the vectors alone.
 *
 * @throws {UserError} if the file is no embeddings, or has numbers that are not finite.
 * @throws {MachineError} if there is no adapter.
 *
 * @example
 * ```ts
 * import { embedToFiles } from "./embed_to_files.ts";
 * import { findDuplicates } from "./duplicates.ts";
 * import { pretrain } from "../run/pretrain.ts";
 *
 * const out = await Deno.makeTempDir(), log = () => {};
 * await pretrain({ data: "shapes:32", holdout: 0, batch: 16, steps: 2, out, log });
 * await embedToFiles({ run: out, out: `${out}/shapes.parquet`, log });
 * const groups = await findDuplicates({ embeddings: `${out}/shapes.parquet`, threshold: 0.999, log });
 * for (const [first, ...others] of groups) console.log(first.key, others.map(({ key, cosine }) => `${key} ${cosine}`));
 * ```
 */
export async function findDuplicates(options: DuplicatesOptions): Promise<Duplicate[][]> {
  const { threshold = DEFAULT_THRESHOLD, kernels, log = console.log, signal, onProgress } = options;
  expectDuplicatesOptions(options);
  const table = await openEmbeddings(options.embeddings);
  using gpu = await openGpu();
  const sizes = { D: paddedDims(table), threshold }, choose = await openKernelChoice(gpu, { kernels, log });
  const chooser = await choose((target) => PairFinder.trace(gpu, { ...sizes, target }));
  using finder = new PairFinder(gpu, { ...sizes, target: deviceProfileOf(gpu, chooser) });
  log(
    `Comparing ${table.rows.toLocaleString("en-US")} vectors of ${table.dims} numbers in ${table.path} on ` +
      `${gpu.description}`,
  );
  const groups = await groupsIn(table, { finder, signal, onProgress });
  warnOfLargeGroups(groups, { rows: table.rows, log });
  return groups;
}

/** Warns of a threshold that is too low for the encoder. */
export function warnOfLargeGroups(
  groups: readonly Duplicate[][],
  { rows, log }: { rows: number; log: (line: string) => void },
): void {
  const largest = groups.reduce((most, { length }) => Math.max(most, length), 0);
  if (largest <= Math.max(MANY, MANY_SHARE * rows)) return;
  log(
    `Warning: one group has ${
      largest.toLocaleString("en-US")
    } of the images: at this threshold vectors of this encoder ` +
      `that are merely alike count as duplicates. Raise --threshold.`,
  );
}

/** Groups the rows of `table`. `blockRows`: rows in memory at a time; tests set it. */
export async function groupsIn(
  table: EmbeddingsTable,
  { finder, signal, onProgress, blockRows = Math.floor(BLOCK_BYTES / 4 / paddedDims(table)) }: {
    finder: PairFinder;
    signal?: AbortSignal;
    onProgress?: (pairs: number, total: number) => void;
    blockRows?: number;
  },
): Promise<Duplicate[][]> {
  const groups = new Groups(table.rows), blocks = new Blocks(table, blockRows);
  const total = table.rows * (table.rows + 1) / 2;
  let pairs = 0;
  const onTile = (compared: number) => {
    signal?.throwIfAborted();
    pairs += compared;
    onProgress?.(Math.min(pairs, total), total);
  };
  for (const [i, j] of blocks.pairs()) {
    await finder.join(groups, { a: await blocks.at(i), b: await blocks.at(j), onTile });
  }
  onProgress?.(total, total);
  return await membersOf(groups, { table, blocks });
}

/** The groups with more than one member, with the cosines to the first ones. */
async function membersOf(
  groups: Groups,
  { table, blocks }: { table: EmbeddingsTable; blocks: Blocks },
): Promise<Duplicate[][]> {
  const found = new Map<number, Duplicate[]>();
  // The rows whose first member is in block i and which are in block j themselves.
  const rowsOf = new Map<string, number[]>();
  for (let row = 0; row < table.rows; row++) {
    const first = groups.firstOf(row);
    if (first === row) continue;
    if (!found.has(first)) found.set(first, [{ row: first, key: table.keys[first], cosine: 1 }]);
    const pair = `${blocks.numberOf(first)} ${blocks.numberOf(row)}`, rows = rowsOf.get(pair);
    if (rows) rows.push(row);
    else rowsOf.set(pair, [row]);
  }
  for (const [i, j] of blocks.pairs()) {
    const rows = rowsOf.get(`${i} ${j}`);
    if (!rows) continue;
    const a = await blocks.at(i), b = await blocks.at(j);
    for (const row of rows) {
      const first = groups.firstOf(row);
      const cosine = exactCosine(a, first - a.first, b, row - b.first);
      found.get(first)!.push({ row, key: table.keys[row], cosine });
    }
  }
  const all = [...found.values()].sort(([a], [b]) => a.row - b.row);
  for (const members of all) members.sort((a, b) => a.row - b.row);
  return all;
}

/** The blocks of a table, two of which are in memory. */
class Blocks {
  readonly #table: EmbeddingsTable;
  readonly #rows: number;
  readonly #loaded = new Map<number, VectorBlock>();

  constructor(table: EmbeddingsTable, rows: number) {
    this.#table = table;
    this.#rows = rows;
  }

  numberOf(row: number): number {
    return Math.floor(row / this.#rows);
  }

  /** All pairs of blocks, i ≤ j. */
  *pairs(): Generator<[i: number, j: number]> {
    const count = Math.ceil(this.#table.rows / this.#rows);
    for (let i = 0; i < count; i++) for (let j = i; j < count; j++) yield [i, j];
  }

  async at(number: number): Promise<VectorBlock> {
    let block = this.#loaded.get(number);
    this.#loaded.delete(number);
    if (!block) {
      // The one that was used first goes.
      for (const old of [...this.#loaded.keys()].slice(0, -1)) this.#loaded.delete(old);
      block = await readBlock(this.#table, { first: number * this.#rows, count: this.#rows });
    }
    this.#loaded.set(number, block);
    return block;
  }
}

/**
 * Finds the pairs of vectors whose cosine reaches a threshold: a matrix product, and a kernel that collects them.
 *
 * @module
 */
import { traceCosines, transposed } from "../eval/cosines.ts";
import type { Gpu } from "../gpu/device.ts";
import { Memory, type Store } from "../gpu/memory.ts";
import type { Dispatch } from "../graph/dispatch_list.ts";
import { type ChoosingProfile, deviceProfileOf } from "../graph/kernel_choice.ts";
import { Program } from "../graph/program.ts";
import { tensorIn } from "../graph/tensor.ts";
import { pairsAbove } from "../ops/pairs_above.ts";
import type { Groups } from "./groups.ts";
import { exactCosine, type VectorBlock } from "./vector_block.ts";

/** How pairs are found. */
export interface PairFinderOptions {
  /** Numbers in a row of the blocks, a multiple of 4. */
  D: number;
  threshold: number;
  /** The device, and how its kernels are chosen. Default: each choice gets its default. */
  target?: ChoosingProfile;
  /** Rows, columns and pairs at a time; tests set them. */
  tile?: Partial<Tile>;
}

/** What the GPU compares at once: `rows` with `columns`, and how many pairs it can report. */
interface Tile {
  rows: number;
  columns: number;
  capacity: number;
}

/** Bytes of a tile's cosines, on a GPU and in main memory. */
const TILE_BYTES = 2 ** 28, SOFTWARE_TILE_BYTES = 2 ** 25;
/** A tile has so many columns for each row: columns are transposed on the CPU, rows only copied. */
const ASPECT = 4;
/** Products of unit vectors in float32 are off by less. What is closer to the threshold is computed again. */
const MARGIN = 2e-5;

function tileFor({ limits, software }: Gpu, D: number): Tile {
  const bytes = Math.min(limits.maxBinding, software ? SOFTWARE_TILE_BYTES : TILE_BYTES);
  const rows = 2 ** Math.floor(Math.log2(Math.sqrt(bytes / 4 / ASPECT)));
  const columns = Math.min(ASPECT * rows, Math.floor(limits.maxBinding / 4 / D / 4) * 4);
  return { rows, columns, capacity: Math.max(2 ** 20, columns) };
}

/** Rows of a block: `begin` … `end` − 1. */
interface Span {
  begin: number;
  end: number;
}

/** Where a tile's vectors, the groups of its rows and columns, and its pairs lie. */
type Stores = Record<"queries" | "references" | "rows" | "columns" | "found", Store>;

/** Compares blocks of vectors. Dispose of it to free its memory on the GPU. */
export class PairFinder implements Disposable {
  readonly #memory: Memory;
  readonly #program: Program;
  readonly #tile: Tile;
  readonly #options: PairFinderOptions;
  readonly #stores: Stores;

  constructor(gpu: Gpu, options: PairFinderOptions) {
    const { dispatches, tile, stores } = PairFinder.trace(gpu, options);
    this.#memory = new Memory(gpu);
    this.#program = new Program(this.#memory, { dispatches });
    this.#stores = stores;
    this.#tile = tile;
    this.#options = options;
  }

  /** Traces the comparison of a tile, to time its kernels or to run it. */
  static trace(
    gpu: Gpu,
    { D, threshold, target, tile: given }: PairFinderOptions,
  ): { dispatches: readonly Dispatch[]; tile: Tile; stores: Stores } {
    const tile = { ...tileFor(gpu, D), ...given }, { rows, columns, capacity } = tile;
    const { tape, cosines, stores } = traceCosines(target ?? deviceProfileOf(gpu), {
      queries: rows,
      references: columns,
      D,
    });
    const store = (name: string, words: number): Store => ({ name, category: "metrics", bytes: 4 * words });
    const all = {
      ...stores,
      rows: store("groups of rows", rows),
      columns: store("groups of columns", columns),
      found: store("pairs", 1 + 3 * capacity),
    };
    pairsAbove(tape, {
      cosines,
      rows: tensorIn(all.rows, { shape: [rows] }),
      columns: tensorIn(all.columns, { shape: [columns] }),
      found: tensorIn(all.found, { shape: [1 + 3 * capacity] }),
      threshold: threshold - MARGIN,
    });
    return { dispatches: tape.dispatches, tile, stores: all };
  }

  /**
   * Joins the groups of all rows of `a` and `b` whose cosine reaches the threshold. `a` and `b` may be one block.
   *
   * @param options `onTile` is called after each tile with the number of compared pairs.
   */
  async join(
    groups: Groups,
    { a, b, onTile }: { a: VectorBlock; b: VectorBlock; onTile?: (pairs: number) => void },
  ): Promise<void> {
    const { rows, columns } = this.#tile, { D } = this.#options;
    for (let begin = 0; begin < b.count; begin += columns) {
      const across = { begin, end: Math.min(b.count, begin + columns) };
      const part = b.vectors.subarray(across.begin * D, across.end * D);
      this.#memory.write(this.#stores.references, transposed(part, { D, references: columns }));
      // Within one block each pair is seen once, or twice in tiles on the diagonal.
      const last = a === b ? across.end : a.count;
      for (let row = 0; row < last; row += rows) {
        const down = { begin: row, end: Math.min(last, row + rows) };
        await this.#joinTile(groups, { a, b, down, across });
        onTile?.((down.end - down.begin) * (across.end - across.begin));
      }
    }
  }

  /** Joins the rows `down` of `a` and `across` of `b`, whose columns are on the GPU. */
  async #joinTile(
    groups: Groups,
    { a, b, down, across }: { a: VectorBlock; b: VectorBlock; down: Span; across: Span },
  ): Promise<void> {
    const { threshold } = this.#options;
    const found = await this.#compare(groups, { a, b, down, across });
    if (found === null) {
      // Fewer rows at a time: what the first ones join, the others need not report.
      const middle = (down.begin + down.end) >> 1;
      await this.#joinTile(groups, { a, b, down: { begin: down.begin, end: middle }, across });
      await this.#joinTile(groups, { a, b, down: { begin: middle, end: down.end }, across });
      return;
    }
    const cosines = new Float32Array(found.buffer);
    for (let at = 1; at < found.length; at += 3) {
      const i = down.begin + found[at], j = across.begin + found[at + 1], cosine = cosines[at + 2];
      const isSure = cosine >= threshold + MARGIN;
      if (isSure || exactCosine(a, i, b, j) >= threshold) groups.join(a.first + i, b.first + j);
    }
  }

  /** The pairs in words, after their number; null if there are too many. */
  async #compare(
    groups: Groups,
    { a, b, down, across }: { a: VectorBlock; b: VectorBlock; down: Span; across: Span },
  ): Promise<Uint32Array<ArrayBuffer> | null> {
    const { queries, rows, columns, found } = this.#stores, { D } = this.#options;
    const size = down.end - down.begin, memory = this.#memory;
    const vectors = new Float32Array(this.#tile.rows * D);
    vectors.set(a.vectors.subarray(down.begin * D, down.end * D));
    memory.write(queries, vectors);
    memory.write(rows, groups.slice(a.first + down.begin, size));
    memory.write(columns, groups.slice(b.first + across.begin, across.end - across.begin));
    memory.write(found, new Uint32Array(1));
    this.#program.run();
    const read = async (words: number) =>
      new Uint32Array((await memory.read({ store: found, offset: 0, bytes: 4 * words })).buffer);
    // Usually a few pairs at most, which come with their number.
    const some = await read(1 + 3 * Math.min(FEW, this.#tile.capacity)), [count] = some;
    if (count > this.#tile.capacity) {
      if (size === 1) throw new RangeError("A row of a tile has more pairs than columns.");
      return null;
    }
    const words = 1 + 3 * count;
    return words <= some.length ? some.slice(0, words) : await read(words);
  }

  [Symbol.dispose](): void {
    this.#program[Symbol.dispose]();
    this.#memory[Symbol.dispose]();
  }
}

/** Pairs that are read with their number. */
const FEW = 1000;

/**
 * Rows of vectors that several ranks compute, in source order on rank 0.
 *
 * The ranks take the images in turn, a window of a batch at a time. After each round of windows rank 0 has the rows of all,
 * and cuts them into batches as one process would make them, so that files and journals have the same bytes.
 *
 * @module
 */
import type { BadImage, Position } from "../../data/pipeline.ts";
import { windowsOf } from "../../data/share.ts";
import type { IndexedSource } from "../../data/sources/types.ts";
import { numberIn, subsetOf } from "../../data/subset.ts";
import { UserError } from "../base/errors.ts";
import type { World } from "../distributed/world.ts";
import { classNameOf } from "../eval/data_report.ts";
import type { EmbeddingRows } from "./embedding_rows.ts";
import type { EmbeddingSession } from "./embedding_session.ts";

/** Some rows, and where to resume after them. */
export interface NextRows {
  rows: EmbeddingRows;
  next: Position;
}

/** All ranks stop, as one of them was told to. */
export class StoppedError extends Error {
  /** The name of this class. */
  override name = "StoppedError";
}

/** An image, without its vector. */
interface Row {
  /** Its place in the source. */
  place: number;
  key: string;
  label: number;
  width: number;
  height: number;
}

/** A bad image at its place. */
interface BadAt {
  place: number;
  bad: BadImage;
}

/** Options of {@linkcode sharedRows}. */
export interface SharedRowsOptions {
  start: Position;
  onBad(bad: BadImage): void;
  signal?: AbortSignal;
}

/**
 * The rows from `start` on, on rank 0; the other ranks compute their part of them, and get none.
 *
 * @throws {UserError} if the source cannot be read in any order.
 * @throws {StoppedError} if a rank's signal was aborted.
 */
export async function* sharedRows(
  world: World,
  session: EmbeddingSession,
  { start, onBad, signal }: SharedRowsOptions,
): AsyncGenerator<NextRows> {
  const { source, embedder: { batch: window, dims } } = session;
  if (source.kind !== "indexed") {
    throw new UserError(
      `Cannot share "${source.name}" among processes: it is read from its beginning to its end. Start one process.`,
    );
  }
  const part = new Part(session, source, { world, window, start: start.offset });
  const merged = new Merged(source, { dims, size: window, onBad });
  const rounds = Math.ceil((source.length - start.offset) / (window * world.size));
  for (let round = 0; round < rounds; round++) {
    const where = `images from ${start.offset + round * window * world.size} on`;
    const { stop } = await world.meet(where, { stop: Number(signal?.aborted ?? false) });
    if (stop) throw signal?.aborted ? signal.reason : new StoppedError("Another process was told to stop");
    const own = await part.round(round);
    const texts = await world.texts(`rows of ${where}`, JSON.stringify({ rows: own.rows, bad: own.bad }));
    const vectors = new Float32Array(window * dims * world.size);
    await world.gather(own.vectors, vectors);
    if (world.rank > 0) continue;
    texts.forEach((text, rank) => merged.add(JSON.parse(text), vectors.subarray(rank * window * dims)));
    yield* merged.take(round + 1 === rounds);
  }
}

/** The windows of this rank. */
class Part {
  readonly #places: Uint32Array;
  readonly #dims: number;
  readonly #source: IndexedSource;
  readonly #options: { world: World; window: number; start: number };
  readonly #batches;
  #rows: Row[] = [];
  #vectors: Float32Array[] = [];
  #bad: BadAt[] = [];
  /** Among the places, those of the last row and the last bad image. */
  #at = { row: 0, bad: 0 };

  constructor(
    session: EmbeddingSession,
    source: IndexedSource,
    options: { world: World; window: number; start: number },
  ) {
    const { world: { rank, size }, window, start } = options;
    this.#places = windowsOf({ begin: start, end: source.length }, { rank, ranks: size, size: window });
    this.#source = source;
    this.#options = options;
    this.#dims = session.embedder.dims;
    this.#batches = this.#places.length === 0 ? none() : session.batches({
      part: subsetOf(source, this.#places),
      onBad: (bad) => this.#bad.push({ place: this.#placeOf(bad.index, "bad"), bad }),
    });
  }

  /** The place of image `index`; images come in order. */
  #placeOf(index: number, kind: "row" | "bad"): number {
    while (numberIn(this.#source, this.#places[this.#at[kind]]) !== index) this.#at[kind]++;
    return this.#places[this.#at[kind]];
  }

  /** What this rank has of `round`. */
  async round(round: number): Promise<{ rows: Row[]; bad: BadAt[]; vectors: Float32Array<ArrayBuffer> }> {
    const { world: { rank, size }, window, start } = this.#options, dims = this.#dims;
    const end = start + (round * size + rank + 1) * window;
    while ((this.#rows.at(-1)?.place ?? -1) < end - 1) {
      const { done, value } = await this.#batches.next();
      if (done) break;
      const { batch: { keys, labels, originals, indices }, vectors } = value;
      keys.forEach((key, i) => {
        const { width, height } = originals[i]!;
        this.#rows.push({ place: this.#placeOf(indices[i], "row"), key, label: labels[i], width, height });
        this.#vectors.push(vectors.slice(i * dims, (i + 1) * dims));
      });
    }
    const isIn = ({ place }: { place: number }) => place < end;
    const rows = this.#rows.filter(isIn), bad = this.#bad.filter(isIn);
    const vectors = new Float32Array(window * dims);
    this.#vectors.splice(0, rows.length).forEach((vector, i) => vectors.set(vector, i * dims));
    this.#rows.splice(0, rows.length);
    this.#bad = this.#bad.filter((bad) => !isIn(bad));
    return { rows, bad, vectors };
  }
}

/** The batches of a rank for which no images are left. */
async function* none(): AsyncGenerator<never> {}

/** The rows of all ranks, in source order. */
class Merged {
  readonly #source: IndexedSource;
  readonly #options: { dims: number; size: number; onBad(bad: BadImage): void };
  #rows: Row[] = [];
  #vectors: Float32Array[] = [];
  #bad: BadAt[] = [];

  /** @param options `size`: rows of a batch. */
  constructor(
    source: IndexedSource,
    options: { dims: number; size: number; onBad(bad: BadImage): void },
  ) {
    this.#source = source;
    this.#options = options;
  }

  add({ rows, bad }: { rows: Row[]; bad: BadAt[] }, vectors: Float32Array): void {
    const { dims } = this.#options;
    this.#rows.push(...rows);
    this.#bad.push(...bad);
    rows.forEach((_, i) => this.#vectors.push(vectors.slice(i * dims, (i + 1) * dims)));
  }

  /** Whole batches; all that is left if this is the end. */
  *take(isEnd: boolean): Generator<NextRows> {
    const { dims, size, onBad } = this.#options;
    while (this.#rows.length >= size || isEnd && this.#rows.length > 0) {
      const rows = this.#rows.splice(0, size), vectors = new Float32Array(rows.length * dims);
      this.#vectors.splice(0, size).forEach((vector, i) => vectors.set(vector, i * dims));
      const { place } = rows[rows.length - 1];
      // As one process does, with the batch whose last image follows them.
      this.#bad.filter((bad) => bad.place < place).forEach(({ bad }) => onBad(bad));
      this.#bad = this.#bad.filter((bad) => bad.place > place);
      yield { rows: this.#joined(rows, vectors), next: { epoch: 0, offset: place + 1 } };
    }
    if (isEnd) this.#bad.splice(0).forEach(({ bad }) => onBad(bad));
  }

  #joined(rows: Row[], vectors: Float32Array): EmbeddingRows {
    return {
      keys: rows.map(({ key }) => key),
      labels: Int32Array.from(rows, ({ label }) => label),
      names: rows.map(({ label }) => label < 0 ? null : classNameOf(this.#source, label)),
      widths: Int32Array.from(rows, ({ width }) => width),
      heights: Int32Array.from(rows, ({ height }) => height),
      vectors,
    };
  }
}

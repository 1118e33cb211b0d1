/**
 * Rows of vectors that several ranks compute, in source order on rank 0.
 *
 * The ranks take the images in turn, a window of a batch at a time. After each round of windows rank 0 has the rows of all,
 * and cuts them into batches as one process would make them, so that files and journals have the same bytes.
 *
 * @module
 */
import type { BadImage, Position } from "../../data/pipeline.ts";
import { UserError } from "../base/errors.ts";
import type { World } from "../distributed/world.ts";
import type { EmbeddingRows } from "./embedding_rows.ts";
import type { EmbeddingSession } from "./embedding_session.ts";
import { type BadAt, RankPart, type RoundOfRank, type Row } from "./rank_part.ts";

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

/** Options of {@linkcode sharedRows}. */
export interface SharedRowsOptions {
  start: Position;
  onBad(bad: BadImage): void;
  signal?: AbortSignal;
}

/**
 * The rows from `start` on, on rank 0; the other ranks compute their part of them, and get none.
 *
 * @throws {UserError} if no image can be used.
 * @throws {StoppedError} if a rank's signal was aborted.
 */
export async function* sharedRows(
  world: World,
  session: EmbeddingSession,
  { start, onBad, signal }: SharedRowsOptions,
): AsyncGenerator<NextRows> {
  const { source, embedder: { batch: window, dims } } = session;
  await using part = new RankPart(session, { world, window, start });
  const merged = new Merged({ dims, size: window, onBad });
  let rows = 0;
  for (let round = 0, isEnd = false; !isEnd; round++) {
    const where = `images from ${start.offset + round * window * world.size} on`;
    const { stop } = await world.meet(where, { stop: Number(signal?.aborted ?? false) });
    if (stop) throw signal?.aborted ? signal.reason : new StoppedError("Another process was told to stop");
    const { vectors: own, ...said } = await part.round(round);
    const texts = await world.texts(`rows of ${where}`, JSON.stringify(said));
    const all = texts.map((text): Omit<RoundOfRank, "vectors"> => JSON.parse(text));
    const vectors = new Float32Array(window * dims * world.size);
    await world.gather(own, vectors);
    // The end of a stream is known to those who have come to it.
    isEnd = all.some(({ isLast }) => isLast);
    rows += all.reduce((count, { rows }) => count + rows.length, 0);
    if (isEnd && rows === 0 && start.offset === 0) {
      throw new UserError(`Cannot embed "${source.name}": it has no image that can be used.`);
    }
    if (world.rank > 0) continue;
    all.forEach((said, rank) => merged.add(said, vectors.subarray(rank * window * dims)));
    yield* merged.take(isEnd);
  }
}

/** The rows of all ranks, in source order. */
class Merged {
  readonly #options: { dims: number; size: number; onBad(bad: BadImage): void };
  #rows: Row[] = [];
  #vectors: Float32Array[] = [];
  #bad: BadAt[] = [];

  /** @param options `size`: rows of a batch. */
  constructor(options: { dims: number; size: number; onBad(bad: BadImage): void }) {
    this.#options = options;
  }

  add({ rows, bad }: Omit<RoundOfRank, "vectors">, vectors: Float32Array): void {
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
      const { place, block } = rows[rows.length - 1];
      // As one process does, with the batch whose last image follows them.
      this.#bad.filter((bad) => bad.place < place).forEach(({ bad }) => onBad(bad));
      this.#bad = this.#bad.filter((bad) => bad.place > place);
      yield { rows: joined(rows, vectors), next: { epoch: 0, offset: place + 1, ...block && { block } } };
    }
    if (isEnd) this.#bad.splice(0).forEach(({ bad }) => onBad(bad));
  }
}

function joined(rows: Row[], vectors: Float32Array): EmbeddingRows {
  return {
    keys: rows.map(({ key }) => key),
    labels: Int32Array.from(rows, ({ label }) => label),
    names: rows.map(({ name }) => name),
    widths: Int32Array.from(rows, ({ width }) => width),
    heights: Int32Array.from(rows, ({ height }) => height),
    vectors,
  };
}

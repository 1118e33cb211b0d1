/**
 * The part of a source that one of several ranks embeds: windows of a batch of images, in turn.
 *
 * @module
 */
import type { BadImage, Position } from "../../data/pipeline.ts";
import type { BlockPosition } from "../../data/order.ts";
import { type Share, windowsOf } from "../../data/share.ts";
import type { ImageSource, IndexedSource, StreamedSource } from "../../data/sources/types.ts";
import { streamWindows } from "../../data/stream_windows.ts";
import { numberIn, subsetOf } from "../../data/subset.ts";
import type { World } from "../distributed/world.ts";
import { classNameOf } from "../eval/data_report.ts";
import type { EmbeddedBatch, EmbeddingSession } from "./embedding_session.ts";

/** Where an image is in the source; in a stream, also where reading goes on after it. */
interface Where {
  place: number;
  block?: BlockPosition;
}

/** An image, without its vector. */
export interface Row extends Where {
  key: string;
  label: number;
  name: string | null;
  width: number;
  height: number;
}

/** A bad image at its place. */
export interface BadAt extends Where {
  bad: BadImage;
}

/** What a rank has of a round. */
export interface RoundOfRank {
  rows: Row[];
  bad: BadAt[];
  /** [window, dims]; those after the rows are 0. */
  vectors: Float32Array<ArrayBuffer>;
  /** Whether this rank knows that no images follow the round's. */
  isLast: boolean;
}

/** The images of a rank, and where they are. */
interface Windows {
  /** Null if there are none. */
  part: ImageSource | null;
  /** Where the image of a row, or a bad one, is in the whole. Both kinds come in order. */
  whereOf(index: number, kind: "row" | "bad"): Where;
  /** The number of images of the whole; null while it is unknown. */
  length(): number | null;
}

/** How images are shared out. */
interface PartOptions {
  world: World;
  /** Images that a rank takes at a time. */
  window: number;
  start: Position;
}

/** The windows of this rank. */
export class RankPart implements AsyncDisposable {
  readonly #session: EmbeddingSession;
  readonly #options: PartOptions;
  readonly #windows: Windows;
  readonly #batches: ReturnType<EmbeddingSession["batches"]>;
  #rows: Row[] = [];
  #vectors: Float32Array[] = [];
  #bad: BadAt[] = [];

  constructor(session: EmbeddingSession, options: PartOptions) {
    const { source } = session, { world: { rank, size: ranks }, window: size, start } = options;
    const share = { rank, ranks, size, start };
    this.#session = session;
    this.#options = options;
    this.#windows = source.kind === "indexed"
      ? indexedWindows(source, share)
      : windowsOfStream(source, share);
    const { part } = this.#windows;
    this.#batches = part ? session.batches({ part, onBad: (bad) => this.#addBad(bad) }) : none();
  }

  /** What this rank has of `round`. */
  async round(round: number): Promise<RoundOfRank> {
    const { world: { rank, size }, window, start } = this.#options, { dims } = this.#session.embedder;
    const first = start.offset + round * size * window, end = first + (rank + 1) * window;
    while ((this.#rows.at(-1)?.place ?? -1) < end - 1) {
      const { done, value } = await this.#batches.next();
      if (done) break;
      this.#take(value);
    }
    const isIn = ({ place }: { place: number }) => place < end;
    const rows = this.#rows.filter(isIn), bad = this.#bad.filter(isIn);
    const vectors = new Float32Array(window * dims);
    this.#vectors.splice(0, rows.length).forEach((vector, i) => vectors.set(vector, i * dims));
    this.#rows.splice(0, rows.length);
    this.#bad = this.#bad.filter((bad) => !isIn(bad));
    const length = this.#windows.length(), isLast = length !== null && length <= first + size * window;
    return { rows, bad, vectors, isLast };
  }

  /** Ends what is read ahead. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#batches.return(undefined);
  }

  #addBad(bad: BadImage): void {
    this.#bad.push({ ...this.#windows.whereOf(bad.index, "bad"), bad });
  }

  #take({ batch, vectors }: EmbeddedBatch): void {
    const { source, embedder: { dims } } = this.#session, { keys, labels, originals, indices } = batch;
    keys.forEach((key, i) => {
      const { width, height } = originals[i]!, label = labels[i];
      const name = label < 0 ? null : classNameOf(source, label);
      this.#rows.push({ ...this.#windows.whereOf(indices[i], "row"), key, label, name, width, height });
      this.#vectors.push(vectors.slice(i * dims, (i + 1) * dims));
    });
  }
}

/** The batches of a rank for which no images are left. */
async function* none(): AsyncGenerator<never> {}

function indexedWindows(
  source: IndexedSource,
  { start, ...share }: Share & { start: Position; size: number },
): Windows {
  const { length } = source, places = windowsOf({ begin: start.offset, end: length }, share);
  /** Among the places, those of the last row and the last bad image. */
  const at = { row: 0, bad: 0 };
  return {
    part: places.length === 0 ? null : subsetOf(source, places),
    whereOf(index, kind) {
      while (numberIn(source, places[at[kind]]) !== index) at[kind]++;
      return { place: places[at[kind]] };
    },
    length: () => length,
  };
}

function windowsOfStream(source: StreamedSource, share: Parameters<typeof streamWindows>[1]): Windows {
  const { source: part, placeOf, length } = streamWindows(source, share);
  return { part, whereOf: placeOf, length };
}

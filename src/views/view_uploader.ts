/**
 * Brings decoded images to the GPU, where they become views: traced once, fed for each batch.
 *
 * A batch is worked on in pieces of so many images that what the kernels need between their passes stays small; as a
 * rule it is one piece. Images differ in size, so that those of a piece may still be too many for the memory that was set
 * apart: then the piece is run more than once, each time for some of its images.
 *
 * @module
 */
import type { Memory, Store } from "../gpu/memory.ts";
import type { Program } from "../graph/program.ts";
import type { Tape } from "../graph/tape.ts";
import { slice, type Tensor, tensorIn } from "../graph/tensor.ts";
import { augment, pitchOf } from "./view_kernels.ts";
import { defaultBlurKernelSize } from "../../data/views/draw.ts";
import type { Recipe, ViewRecipe } from "../../data/views/recipe.ts";
import {
  header,
  MAX_ASPECT_RATIO,
  MAX_UPLOAD_BYTES,
  type PackedImage,
  recordWords,
} from "../../data/views/table.ts";

/** What views are made of, and into. */
export interface LoaderOptions {
  /** The distributions of the views; none for the one view of an evaluation. */
  views: readonly ViewRecipe[];
  mean: Recipe["mean"];
  std: Recipe["std"];
  /** Pixels of the images' short side at the most; their long side has at most {@linkcode MAX_ASPECT_RATIO} times as many. */
  decodeSize: number;
}

/** Some of the dispatches of a trace: `begin` … `end` − 1. */
export interface DispatchRange {
  begin: number;
  end: number;
}

/** A traced loader: where images and parameters are written, and what is to be run for each piece. */
export interface TracedLoader {
  pixels: Store;
  table: Store;
  pieces: DispatchRange[];
  /** Images of a batch, of a piece at the most, and views of an image. */
  batch: number;
  perPiece: number;
  views: number;
  /** Pixels of the views' side. */
  size: number;
  /** Words that the rows of one view of a piece take at the most. */
  rowWords: number;
}

/** Bytes of views that are worked on at once, at the most. */
const PIECE_BYTES = 2 ** 26;
/** Photographs are rarely longer than this many times their short side. What is set apart for a piece assumes it of all. */
const OBLONG = 1.5;

/** Traces the making of views [views · batch, size, size, 4]: the first view of all images, then the second. */
export function traceLoader(
  tape: Tape,
  { images, views: recipes, mean, std, decodeSize }: LoaderOptions & { images: Tensor },
): TracedLoader {
  const views = Math.max(recipes.length, 1);
  const [rows, size] = images.shape, batch = rows / views;
  const viewBytes = size * size * 16;
  const perPiece = Math.max(1, Math.min(batch, Math.floor(PIECE_BYTES / viewBytes)));
  const longest = MAX_ASPECT_RATIO * decodeSize;
  const kernelSize = Math.max(
    0,
    ...recipes.map(({ blur }) => blur && blur.p > 0 ? blur.kernelSize ?? defaultBlurKernelSize(size) : 0),
  );
  const usual = { pixels: OBLONG * decodeSize ** 2 * 4, rows: OBLONG * decodeSize * pitchOf(size) };
  const record = (long: number) => views * recordWords({ size, long, short: decodeSize, kernelSize });
  const pixels: Store = {
    name: "decoded images",
    category: "input",
    bytes: Math.min(
      MAX_UPLOAD_BYTES,
      Math.max(longest * decodeSize * 4, Math.ceil(perPiece * usual.pixels / 4) * 4),
    ),
  };
  const tableWords = perPiece * views + Math.max(record(longest), perPiece * record(OBLONG * decodeSize));
  const table: Store = { name: "table of views", category: "input", bytes: tableWords * 4 };
  const rowWords = Math.max(longest * pitchOf(size), Math.ceil(perPiece * usual.rows));

  const pieces: DispatchRange[] = [];
  for (let begin = 0; begin < batch; begin += perPiece) {
    const count = Math.min(perPiece, batch - begin);
    const range = { begin: tape.dispatches.length, end: 0 };
    for (let v = 0; v < views; v++) {
      const first = v * batch + begin;
      const aligned = first - first % 16; // slices begin at multiples of 256 bytes
      augment(tape, {
        pixels: tensorIn(pixels, { shape: [pixels.bytes / 4] }),
        table: tensorIn(table, { shape: [tableWords] }),
        images: slice(images, { begin: aligned, end: first + count }),
        row: first - aligned,
        count,
        first: v * perPiece,
        rowWords,
        mean,
        std,
        blur: kernelSize > 0,
      });
    }
    range.end = tape.dispatches.length;
    pieces.push(range);
  }
  return { pixels, table, pieces, batch, perPiece, views, size, rowWords };
}

/** Feeds what {@linkcode traceLoader} has traced. */
export class Loader {
  readonly #memory: Memory;
  readonly #traced: TracedLoader;
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #gathered = new Uint8Array(GATHERED_BYTES);

  constructor(memory: Memory, traced: TracedLoader) {
    this.#memory = memory;
    this.#traced = traced;
    this.#words = new Int32Array(traced.table.bytes / 4);
  }

  /**
   * Uploads up to a batch of images, and calls `run` with the dispatches that make views of what is uploaded. `last` says
   * that there is no more to come, so that `run` may go on with what follows the views.
   */
  load(images: readonly PackedImage[], run: (range: DispatchRange, last: boolean) => void): void {
    const { pieces, perPiece, batch } = this.#traced;
    if (images.length === 0 || images.length > batch) {
      throw new RangeError(`Cannot load ${images.length} images: expected 1 … ${batch}`);
    }
    for (let begin = 0; begin < images.length;) {
      const piece = Math.floor(begin / perPiece);
      const end = this.#upload(images, { begin, end: Math.min(images.length, (piece + 1) * perPiece) });
      run(pieces[piece], end === images.length);
      begin = end;
    }
  }

  /** Uploads images from number `begin` on, up to `end` or as many as there is room for; returns where it has stopped. */
  #upload(images: readonly PackedImage[], { begin, end }: { begin: number; end: number }): number {
    const { perPiece, views, size, pixels, table, rowWords } = this.#traced;
    const words = this.#words, directory = perPiece * views, pitch = pitchOf(size);
    words.fill(0, 0, directory);
    const rows = new Array<number>(views).fill(0);
    let used = directory, pixelBytes = 0, at = begin;
    for (; at < end; at++) {
      const { pixels: image, records } = images[at];
      if (pixelBytes + image.length > pixels.bytes || used + records.length > words.length) break;
      words.set(records, used);
      const places = placesOf(records, views).map((place) => used + place);
      if (places.some((place, v) => rows[v] + words[place + header.rowCount] * pitch > rowWords)) break;
      places.forEach((place, v) => {
        words[v * perPiece + at % perPiece] = place;
        words[place + header.pixelsAt] += pixelBytes / 4;
        words[place + header.rowsAt] = rows[v];
        rows[v] += words[place + header.rowCount] * pitch;
      });
      used += records.length;
      pixelBytes += image.length;
    }
    if (at === begin) {
      throw new RangeError("Cannot load an image as it is larger than what was set apart for one");
    }
    this.#memory.write(table, words.subarray(0, used));
    for (const { bytes, offset } of joined(runsOf(images.slice(begin, at)), this.#gathered)) {
      this.#memory.write(pixels, bytes, offset);
    }
    return at;
  }
}

/** What runs a program on a batch, whether that is views or what the GPU makes views of. */
export interface ViewFeed {
  /** Submits the program once, or its dispatches to before number `end`. The batch may be reused at once. */
  run(batch: Float32Array<ArrayBuffer> | readonly PackedImage[], options?: { end?: number }): void;
}

/** Feeds `program`, which works on the views in `store`; with `traced`, it begins with the making of these. */
export function createViewFeed(
  memory: Memory,
  { program, store, traced }: { program: Program; store: Store; traced: TracedLoader | null },
): ViewFeed {
  const loader = traced && new Loader(memory, traced);
  const loaded = traced?.pieces[traced.pieces.length - 1].end; // where the program goes on that has its views
  return {
    run(batch, { end } = {}) {
      if (batch instanceof Float32Array) {
        memory.write(store, batch);
        program.run({ begin: loaded, end });
      } else if (loader) {
        loader.load(batch, (range, last) => {
          program.run(range);
          if (last) program.run({ begin: loaded, end });
        });
      } else {throw new TypeError(
          "Cannot make views of decoded images as the program was traced without a loader",
        );}
    },
  };
}

/** Where in `records` each view's record begins. */
function placesOf(records: Int32Array, views: number): number[] {
  const places = [0];
  for (let v = 1; v < views; v++) places.push(places[v - 1] + records[places[v - 1] + header.words]);
  return places;
}

/** A write to the GPU costs as much as copying so many bytes: shorter pieces are gathered first. */
const GATHERED_BYTES = 2 ** 18;

/** Bytes, and where in a store they go. */
interface Piece {
  bytes: Uint8Array<ArrayBuffer>;
  offset: number;
}

/** `pieces`, each of which follows the one before; neighbours that `buffer` holds together are copied there to be one. */
function* joined(pieces: Iterable<Piece>, buffer: Uint8Array<ArrayBuffer>): Generator<Piece> {
  let begin = 0, length = 0;
  for (const piece of pieces) {
    const { bytes, offset } = piece;
    if (length > 0 && length + bytes.length > buffer.length) {
      yield { bytes: buffer.subarray(0, length), offset: begin };
      length = 0;
    }
    if (bytes.length > buffer.length) yield piece;
    else {
      if (length === 0) begin = offset;
      buffer.set(bytes, length);
      length += bytes.length;
    }
  }
  if (length > 0) yield { bytes: buffer.subarray(0, length), offset: begin };
}

/** The images' bytes as they come one after the other: those that lie so in one buffer are one piece. */
function* runsOf(images: readonly PackedImage[]): Generator<Piece> {
  let offset = 0;
  for (let i = 0; i < images.length;) {
    const { buffer, byteOffset } = images[i].pixels;
    let length = 0;
    while (i < images.length) {
      const { pixels } = images[i];
      if (pixels.buffer !== buffer || pixels.byteOffset !== byteOffset + length) break;
      length += pixels.length;
      i++;
    }
    yield { bytes: new Uint8Array(buffer, byteOffset, length), offset };
    offset += length;
  }
}

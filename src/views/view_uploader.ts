/**
 * Uploads decoded images to the GPU, where they become views: traced once, fed for each batch.
 *
 * A batch is processed in pieces of so many images that the memory between the kernels' passes stays small; usually it is
 * one piece. Images differ in size, so that those of a piece may exceed the reserved memory: then the piece is run more than
 * once, each time for some of its images.
 *
 * @module
 */
import type { Memory, Store } from "../gpu/memory.ts";
import type { Program } from "../graph/program.ts";
import type { Tape } from "../graph/tape.ts";
import { slice, type Tensor, tensorIn } from "../graph/tensor.ts";
import { GATHERED_BYTES, joined, runsOf } from "./upload_pieces.ts";
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

/** How views are created. */
export interface LoaderOptions {
  /** The distributions of the views; none for the one view of an evaluation. */
  views: readonly ViewRecipe[];
  mean: Recipe["mean"];
  std: Recipe["std"];
  /** Most pixels of the images' short side. An image has at most {@linkcode MAX_ASPECT_RATIO} times its square of pixels. */
  decodeSize: number;
}

/** Some of the dispatches of a trace: `begin` … `end` − 1. */
export interface DispatchRange {
  begin: number;
  end: number;
}

/** A traced loader: the stores of images and parameters, and the dispatches of each piece. */
export interface TracedLoader {
  pixels: Store;
  table: Store;
  pieces: DispatchRange[];
  /** Images per batch, most images per piece, and views per image. */
  batch: number;
  perPiece: number;
  views: number;
  /** Pixels of the views' side. */
  size: number;
  /** Most words for the rows of one view in a piece. */
  rowWords: number;
}

/** Most bytes of views that are processed at once. */
const PIECE_BYTES = 2 ** 26;
/** Photographs rarely have a larger aspect ratio: the memory of a piece is reserved for this one. */
const TYPICAL_ASPECT_RATIO = 1.5;

/** Traces the kernels for views [views · batch, size, size, 4]: the first view of all images, then the second. */
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
  const typical = {
    pixels: TYPICAL_ASPECT_RATIO * decodeSize ** 2 * 4,
    rows: TYPICAL_ASPECT_RATIO * decodeSize * pitchOf(size),
  };
  const record = (long: number) => views * recordWords({ size, long, short: decodeSize, kernelSize });
  const pixels: Store = {
    name: "decoded images",
    category: "input",
    bytes: Math.min(
      MAX_UPLOAD_BYTES,
      Math.max(longest * decodeSize * 4, Math.ceil(perPiece * typical.pixels / 4) * 4),
    ),
  };
  const tableWords = perPiece * views +
    Math.max(record(longest), perPiece * record(TYPICAL_ASPECT_RATIO * decodeSize));
  const table: Store = { name: "table of views", category: "input", bytes: tableWords * 4 };
  const rowWords = Math.max(longest * pitchOf(size), Math.ceil(perPiece * typical.rows));

  const pieces: DispatchRange[] = [];
  for (let begin = 0; begin < batch; begin += perPiece) {
    const count = Math.min(perPiece, batch - begin);
    const range = { begin: tape.dispatches.length, end: 0 };
    for (let v = 0; v < views; v++) {
      const first = v * batch + begin;
      const aligned = first - first % 32; // slices begin at multiples of 256 bytes, and a pixel has 8 in float16
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

/** Feeds a trace of {@linkcode traceLoader}. */
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
   * Uploads up to a batch of images, and calls `run` with the dispatches that make views of the uploaded ones. `last` is true
   * for the last piece, after which `run` may continue with what follows the views.
   */
  load(images: readonly PackedImage[], run: (range: DispatchRange, last: boolean) => void): void {
    const { pieces, perPiece, batch } = this.#traced;
    if (images.length === 0 || images.length > batch) {
      throw new RangeError(`Cannot load ${images.length} images: a batch has 1 … ${batch}.`);
    }
    for (let begin = 0; begin < images.length;) {
      const piece = Math.floor(begin / perPiece);
      const end = this.#upload(images, { begin, end: Math.min(images.length, (piece + 1) * perPiece) });
      run(pieces[piece], end === images.length);
      begin = end;
    }
  }

  /** Uploads the images from `begin` to before `end`, or as many as fit; returns the end of the uploaded ones. */
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
      const offsets = offsetsOf(records, views).map((offset) => used + offset);
      if (offsets.some((offset, v) => rows[v] + words[offset + header.rowCount] * pitch > rowWords)) break;
      offsets.forEach((offset, v) => {
        words[v * perPiece + at % perPiece] = offset;
        words[offset + header.pixelsAt] += pixelBytes / 4;
        words[offset + header.rowsAt] = rows[v];
        rows[v] += words[offset + header.rowCount] * pitch;
      });
      used += records.length;
      pixelBytes += image.length;
    }
    if (at === begin) {
      throw new RangeError("Cannot load an image: it is larger than the memory reserved for one.");
    }
    this.#memory.write(table, words.subarray(0, used));
    for (const { bytes, offset } of joined(runsOf(images.slice(begin, at)), this.#gathered)) {
      this.#memory.write(pixels, bytes, offset);
    }
    return at;
  }
}

/** Runs a program on a batch of views, or of decoded images that the GPU makes views of. */
export interface ViewFeed {
  /** Submits the program once, or its dispatches before `end`. The batch may be reused at once. */
  run(batch: Float32Array<ArrayBuffer> | readonly PackedImage[], options?: { end?: number }): void;
}

/** Feeds `program`, which works on the views in `store`; with `traced`, it starts by creating them. */
export function createViewFeed(
  memory: Memory,
  { program, store, traced }: { program: Program; store: Store; traced: TracedLoader | null },
): ViewFeed {
  const loader = traced && new Loader(memory, traced);
  const loaded = traced?.pieces[traced.pieces.length - 1].end; // where the program continues with the views
  return {
    run(batch, { end } = {}) {
      if (batch instanceof Float32Array) {
        // Dawn takes no Float16Array.
        memory.write(store, store.type === "f16" ? new Uint8Array(new Float16Array(batch).buffer) : batch);
        program.run({ begin: loaded, end });
      } else if (loader) {
        loader.load(batch, (range, last) => {
          program.run(range);
          if (last) program.run({ begin: loaded, end });
        });
      } else {throw new TypeError(
          "Cannot make views of decoded images: the program was traced without a loader.",
        );}
    },
  };
}

/** The offset of each view's record in `records`. */
function offsetsOf(records: Int32Array, views: number): number[] {
  const offsets = [0];
  for (let v = 1; v < views; v++) offsets.push(offsets[v - 1] + records[offsets[v - 1] + header.words]);
  return offsets;
}

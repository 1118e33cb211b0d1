/**
 * Thumbnails of embedded images, as sheets in JPEG.
 *
 * @module
 */
import encode from "npm:@jsquash/jpeg@1.6.0/encode.js";
import { type BadImage, evaluationBatches } from "../../data/pipeline.ts";
import type { ImageSource } from "../../data/sources/types.ts";
import { numberIn, subsetOf } from "../../data/subset.ts";
import { VIEW_CHANNELS } from "../../data/views/apply.ts";
import { patiently } from "../base/patience.ts";
import { classNameOf } from "../eval/data_report.ts";
import { keyLine } from "../export/embedding_rows.ts";

/** Thumbnails of a sheet, and of a row of it. */
export const SHEET = { images: 256, columns: 16 } as const;
/** JPEG's quality, 0 … 100. */
const QUALITY = 80;
const BATCH = 64;

/** Thumbnails of some rows. */
export interface Thumbnails {
  /** Side of a thumbnail, pixels. */
  side: number;
  /** [rows]: whether a row has one. */
  has: Uint8Array<ArrayBuffer>;
  /** Rows that have one. */
  count: number;
  /** JPEG files. Row i is on sheet ⌊i / 256⌋, row by row of 16. */
  sheets: Uint8Array<ArrayBuffer>[];
  /** The class of each row as the source tells it, null without one. */
  labels: (string | null)[];
}

/**
 * Makes thumbnails of the images of `source` whose keys are among `keys`, cropped and resized as the encoder sees them.
 *
 * @param options `side`: a multiple of 16, so that JPEG's blocks do not mix neighbors.
 */
export async function thumbnailsOf(
  source: ImageSource,
  { keys, side, workers, signal, onBad, onProgress }: {
    keys: readonly string[];
    side: number;
    workers: number;
    signal?: AbortSignal;
    onBad: (bad: BadImage) => void;
    onProgress?: (images: number, total: number) => void;
  },
): Promise<Thumbnails> {
  const { images, rowOf } = wanted(source, keys), has = new Uint8Array(keys.length);
  const labels: (string | null)[] = keys.map(() => null), sheets = new Sheets(keys.length, side);
  if (images.length === 0) return { side, has, count: 0, sheets: [], labels };
  const stream = evaluationBatches<Float32Array<ArrayBuffer>>({
    source: images,
    batch: BATCH,
    size: side,
    recipe: { name: "thumbnails", views: [{}, {}], size: side, mean: [0, 0, 0], std: [1, 1, 1] },
    augment: "cpu",
    workers,
    onBad: (bad) => rowOf(bad) !== undefined && onBad(bad),
  });
  let count = 0;
  for await (const batch of patiently(stream, { signal, patienceMs: 0 })) {
    for (const [i, key] of batch.keys.entries()) {
      const row = rowOf({ key, index: batch.indices[i] }), length = side * side * VIEW_CHANNELS;
      if (row === undefined) continue;
      const pixels = batch.images.subarray(i * length, (i + 1) * length);
      if (!await sheets.put(row, pixels)) continue;
      has[row] = 1;
      count++;
      labels[row] = batch.labels[i] < 0 ? null : classNameOf(source, batch.labels[i]);
    }
    batch.release();
    onProgress?.(count, keys.length);
    if (count === keys.length) break;
  }
  return { side, has, count, sheets: await sheets.finish(), labels };
}

/** The images whose keys are wanted, in the order of their rows where the source has any order; and the row of an image. */
function wanted(
  source: ImageSource,
  keys: readonly string[],
): { images: ImageSource; rowOf: (image: { index: number; key: string }) => number | undefined } {
  const rows = new RowsByKey(keys);
  if (source.kind !== "indexed") return { images: source, rowOf: ({ key }) => rows.take(key) };
  const found = Array.from({ length: source.length }, (_, i) => ({ i, row: rows.take(source.key(i)) }))
    .filter((image): image is { i: number; row: number } => image.row !== undefined)
    .sort((a, b) => a.row - b.row);
  const rowByNumber = new Map(found.map(({ i, row }) => [numberIn(source, i), row]));
  const images = subsetOf(source, found.map(({ i }) => i));
  return { images, rowOf: ({ index }) => rowByNumber.get(index) };
}

/** Rows by their keys. Equal keys are taken in order. Files of lines cannot hold the line breaks of a key. */
class RowsByKey {
  readonly #rows = new Map<string, number[]>();

  constructor(keys: readonly string[]) {
    for (const [row, key] of keys.entries()) {
      const found = this.#rows.get(keyLine(key));
      if (found) found.push(row);
      else this.#rows.set(keyLine(key), [row]);
    }
  }

  take(key: string): number | undefined {
    return this.#rows.get(keyLine(key))?.shift();
  }
}

/** The sheets. Rows come in order, so that one is encoded when a later one begins. */
class Sheets {
  readonly #done: Uint8Array<ArrayBuffer>[] = [];
  #pixels: Uint8ClampedArray<ArrayBuffer>;

  constructor(readonly rows: number, readonly side: number) {
    this.#pixels = this.#blank();
  }

  /** Draws a thumbnail, [side, side, 4] from 0 to 1; false if its sheet is done. */
  async put(row: number, pixels: Float32Array): Promise<boolean> {
    const { side } = this, number = Math.floor(row / SHEET.images), width = SHEET.columns * side;
    if (number < this.#done.length) return false;
    while (number > this.#done.length) await this.#encode();
    const { left, top } = placeOf(row, side);
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const from = (y * side + x) * VIEW_CHANNELS, to = ((top + y) * width + left + x) * 4;
        for (let c = 0; c < 3; c++) this.#pixels[to + c] = 255 * pixels[from + c];
      }
    }
    return true;
  }

  /** The sheets as JPEG. */
  async finish(): Promise<Uint8Array<ArrayBuffer>[]> {
    while (this.#done.length * SHEET.images < this.rows) await this.#encode();
    return this.#done;
  }

  async #encode(): Promise<void> {
    const data = this.#pixels, width = SHEET.columns * this.side;
    const image = { width, height: data.length / 4 / width, data, colorSpace: "srgb" } as ImageData;
    this.#done.push(new Uint8Array(await encode(image, { quality: QUALITY })));
    this.#pixels = this.#blank();
  }

  /** The next sheet: gray where an image is missing. */
  #blank(): Uint8ClampedArray<ArrayBuffer> {
    const images = Math.max(0, Math.min(SHEET.images, this.rows - this.#done.length * SHEET.images));
    const height = Math.ceil(images / SHEET.columns) * this.side;
    return new Uint8ClampedArray(SHEET.columns * this.side * height * 4).fill(128);
  }
}

/** Where the thumbnail of `row` is on its sheet, in pixels. */
export function placeOf(row: number, side: number): { left: number; top: number } {
  const at = row % SHEET.images;
  return { left: at % SHEET.columns * side, top: Math.floor(at / SHEET.columns) * side };
}

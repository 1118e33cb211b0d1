/** Embeddings for tests of the explorer, and what is on its pages. */
import type { IndexedSource } from "../../data/sources/types.ts";
import { listedSource } from "../../data/sources/listed.ts";
import { keyedRandom } from "../../src/base/random.ts";
import { EmbeddingsWriter } from "../../src/export/embeddings_writer.ts";
import type { PageData } from "../../src/explore/page/page_data.ts";
import { thumbnailsOf } from "../../src/explore/thumbnails.ts";
import type { PageContent } from "../../src/explore/write_page.ts";
import { assert } from "../assert.ts";
import { jpeg } from "../data/fixtures.ts";

/** Writes vectors [rows, dims] as embeddings. Keys are row-0, row-1, … unless given; names: the classes. */
export async function writeRows(
  path: string,
  { vectors, dims, keys, names, metadata = {} }: {
    vectors: Float32Array<ArrayBuffer>;
    dims: number;
    keys?: readonly string[];
    names?: readonly string[];
    metadata?: Record<string, string>;
  },
): Promise<void> {
  const writer = await EmbeddingsWriter.open({ out: [path], dims, half: false, metadata, identity: {} });
  assert(writer instanceof EmbeddingsWriter);
  using _ = writer;
  const rows = vectors.length / dims, sizes = new Int32Array(rows).fill(32), classes = [...new Set(names)];
  await writer.write({
    keys: keys ?? Array.from({ length: rows }, (_, i) => `row-${i}`),
    labels: Int32Array.from({ length: rows }, (_, i) => names ? classes.indexOf(names[i]) : -1),
    names: Array.from({ length: rows }, (_, i) => names?.[i] ?? null),
    widths: sizes,
    heights: sizes,
    vectors,
  }, { epoch: 0, offset: rows });
  await writer.finish();
}

/** Vectors around three directions in turn, of the classes a, b and c. */
export function blobs(rows: number): { vectors: Float32Array<ArrayBuffer>; dims: number; names: string[] } {
  const dims = 5, random = keyedRandom(9, 1);
  return {
    dims,
    vectors: Float32Array.from(
      { length: rows * dims },
      (_, i) => Number(i % dims === Math.floor(i / dims) % 3) + 0.1 * random.normal(),
    ),
    names: Array.from({ length: rows }, (_, i) => "abc"[i % 3]),
  };
}

/** The data of the page at `path`. */
export async function dataOf(path: string): Promise<PageData> {
  const [, text] = /id="data">([^<]*)<\/script>/.exec(await Deno.readTextFile(path))!;
  return JSON.parse(text);
}

/** Images in plain gray, 8 · (i mod 26), by their keys. */
export async function grayImages(keys: readonly string[]): Promise<IndexedSource> {
  const files = await Promise.all(Array.from({ length: 26 }, (_, i) => {
    const data = new Uint8ClampedArray(32 * 32 * 4).fill(8 * i);
    return jpeg({ width: 32, height: 32, data, colorSpace: "srgb" } as ImageData);
  }));
  return await listedSource({
    name: "grays",
    items: keys.map((key, i) => ({ key, label: null, file: files[i % 26] })),
    classes: [],
    identity: `${keys.length}`,
    bytes: ({ file }) => Promise.resolve(file),
  });
}

/** Columns of the points that {@linkcode gridContent} places. */
export const COLUMNS = 8;

/** What a page needs, without a GPU: points on a grid whose neighbors are those before and after them. */
export async function gridContent(
  keys: readonly string[],
  { names, thumbnails = true }: { names: readonly string[]; thumbnails?: boolean },
): Promise<PageContent> {
  const rows = keys.length, k = 2, lines = Math.ceil(rows / COLUMNS);
  const points = Float32Array.from(
    { length: 2 * rows },
    (_, i) =>
      i % 2
        ? 0.9 - 1.8 * Math.floor((i >> 1) / COLUMNS) / (lines - 1)
        : -0.9 + 1.8 * ((i >> 1) % COLUMNS) / (COLUMNS - 1),
  );
  const vectors = new Float32Array(rows),
    labels = keys.map((_, i) => i % 7 === 6 ? null : names[i % names.length]);
  return {
    table: {
      ...{ path: "grid.parquet", rows, dims: 1, keys, labels, metadata: {}, numbers: null, vectors },
      read: () => Promise.resolve(vectors),
    },
    near: {
      k,
      neighbors: Uint32Array.from({ length: rows * k }, (_, i) => ((i >> 1) + (i % 2 ? rows - 1 : 1)) % rows),
      cosines: Float32Array.from(
        { length: rows * k },
        (_, i) => 0.9 - 0.001 * (i >> 1) % 0.5 - 0.1 * (i % 2),
      ),
    },
    groups: [[{ row: 1, key: keys[1], cosine: 1 }, { row: 5, key: keys[5], cosine: 0.995 }]],
    threshold: 0.99,
    maps: ["UMAP", "PCA"].map((name) => ({ name, axes: ["x", "y"], points })),
    clusters: Uint8Array.from(keys, (_, i) => i % 3),
    labels,
    pictures: thumbnails
      ? await thumbnailsOf(await grayImages(keys), { keys, side: 16, workers: 1, onBad() {} })
      : null,
  };
}

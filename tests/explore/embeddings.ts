/** Embeddings for tests of the explorer, and what is on its pages. */
import { keyedRandom } from "../../src/base/random.ts";
import { EmbeddingsWriter } from "../../src/export/embeddings_writer.ts";
import type { PageData } from "../../src/explore/page/page_data.ts";
import { assert } from "../assert.ts";

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

/** Rows of embeddings for tests. */
import type { EmbeddingRows } from "../../src/export/embedding_rows.ts";
import { keyedRandom } from "../../src/base/random.ts";

const KEYS = ["a/1.jpg", 'b, "quoted".png', "line\nbreak.jpg", "ünï/漢字.webp", "last.gif"];

/** Rows `first` … `end − 1` of random vectors; every third has no label. */
export function rowsOf(first: number, end: number, dims: number): EmbeddingRows {
  const indices = Array.from({ length: end - first }, (_, i) => first + i);
  const labels = Int32Array.from(indices, (i) => i % 3 === 2 ? -1 : (7 * i) % 5);
  const vectors = new Float32Array(indices.length * dims);
  indices.forEach((row, i) => {
    const random = keyedRandom(3, row);
    for (let d = 0; d < dims; d++) vectors[i * dims + d] = random.normal() * 10 ** (d % 5 - 2);
  });
  return {
    keys: indices.map((i) => i < KEYS.length ? KEYS[i] : `image-${i}.jpg`),
    labels,
    names: [...labels].map((label) => label < 0 ? null : `class ${label}, so`),
    widths: Int32Array.from(indices, (i) => 10 + i),
    heights: Int32Array.from(indices, (i) => 1000 - i),
    vectors,
  };
}

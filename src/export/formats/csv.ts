/**
 * CSV (RFC 4180) with a column for each dimension: key, label, label_index, width, height, e0, e1, …
 *
 * @module
 */
import { float32Text } from "../../base/format.ts";
import type { EmbeddingRows, EmbeddingsHeader, RowFormat } from "../embedding_rows.ts";

/** The columns before those of the vector. */
export const CSV_COLUMNS = ["key", "label", "label_index", "width", "height"] as const;

/** A field, quoted if it has to be. */
export function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function lineOf(rows: EmbeddingRows, i: number, { dims, half }: EmbeddingsHeader): string {
  const { keys, labels, names, widths, heights, vectors } = rows;
  const fields = [
    csvField(keys[i]),
    names[i] === null ? "" : csvField(names[i]),
    labels[i] < 0 ? "" : labels[i],
    widths[i],
    heights[i],
  ];
  const vector = new Array<string>(dims);
  for (let d = 0; d < dims; d++) {
    const value = vectors[i * dims + d];
    vector[d] = float32Text(half ? Math.f16round(value) : value);
  }
  return `${fields.join(",")},${vector.join(",")}\n`;
}

/** Writes a CSV file. */
export function csvFormat(header: EmbeddingsHeader): RowFormat {
  const columns = [...CSV_COLUMNS, ...Array.from({ length: header.dims }, (_, d) => `e${d}`)];
  const encoder = new TextEncoder();
  return {
    pieces: [{ suffix: "", kept: true }],
    start: () => [encoder.encode(`${columns.join(",")}\n`)],
    encode: (rows) => ({
      bytes: [encoder.encode(rows.keys.map((_, i) => lineOf(rows, i, header)).join(""))],
      note: null,
    }),
    finish: () => ({ appended: [] }),
  };
}

/**
 * NumPy's .npy format: a header that names type and shape, then the vectors row by row. The keys are in a text file beside it,
 * one a line.
 *
 * @module
 */
import { type EmbeddingsHeader, keyLines, type RowFormat, vectorBytes } from "../embedding_rows.ts";

/** A header of this length has room for any number of rows. */
const HEADER_BYTES = 128;

/** What is added to the name of an .npy file for its keys. */
export const KEYS_SUFFIX = ".keys.txt";

/** The header of version 1.0 of an array [rows, dims]. */
function headerOf({ dims, half }: EmbeddingsHeader, rows: number): Uint8Array {
  const type = half ? "<f2" : "<f4";
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': (${rows}, ${dims}), }`;
  const header = new Uint8Array(HEADER_BYTES).fill(" ".charCodeAt(0));
  header.set([0x93, ...new TextEncoder().encode("NUMPY"), 1, 0]);
  new DataView(header.buffer).setUint16(8, HEADER_BYTES - 10, true);
  header.set(new TextEncoder().encode(text), 10);
  header[HEADER_BYTES - 1] = "\n".charCodeAt(0);
  return header;
}

/** Writes an .npy file, and its keys. */
export function npyFormat(header: EmbeddingsHeader): RowFormat {
  return {
    pieces: [{ suffix: "", kept: true }, { suffix: KEYS_SUFFIX, kept: true }],
    start: () => [headerOf(header, 0), new Uint8Array(0)],
    encode: ({ keys, vectors }) => ({
      bytes: [vectorBytes(vectors, header.half), keyLines(keys)],
      note: null,
    }),
    finish: ({ rows }) => ({ header: headerOf(header, rows), appended: [] }),
  };
}

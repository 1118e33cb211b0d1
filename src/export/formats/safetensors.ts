/**
 * A safetensors file with the vectors, labels, sizes and keys as tensors: `embeddings` [n, dims], `labels` [n] with −1 for none,
 * `sizes` [n, 2] with width and height, and `keys`, a text in UTF-8 with a line for each image. `classes` is JSON in UTF-8: the
 * names of the classes that occur by index.
 *
 * @module
 */
import { encodeHeader } from "../../io/safetensors_layout.ts";
import {
  type EmbeddingsHeader,
  type Json,
  keyLines,
  type RowFormat,
  vectorBytes,
} from "../embedding_rows.ts";

/** Room for the header, as the vectors follow it and its numbers are known last. */
const HEADER_BYTES = 65_536;

/** Names of classes by index, as far as images have them. */
type ClassNames = Record<string, string>;

/** Writes a safetensors file. Labels, sizes and keys are appended to the vectors in the end. */
export function safetensorsFormat(header: EmbeddingsHeader): RowFormat {
  const { dims, half, metadata } = header;
  const known = new Set<number>();
  return {
    pieces: [
      { suffix: "", kept: true },
      { suffix: ".labels", kept: false },
      { suffix: ".sizes", kept: false },
      { suffix: ".keys", kept: false },
    ],
    start: () => [new Uint8Array(HEADER_BYTES), ...[0, 0, 0].map((n) => new Uint8Array(n))],
    encode({ keys, labels, names, widths, heights, vectors }) {
      const classes: ClassNames = {};
      labels.forEach((label, i) => {
        if (label < 0 || known.has(label)) return;
        known.add(label);
        classes[label] = names[i]!;
      });
      const sizes = Int32Array.from(
        { length: 2 * keys.length },
        (_, i) => (i % 2 ? heights : widths)[i >> 1],
      );
      const bytes = [vectorBytes(vectors, half), asBytes(labels), asBytes(sizes), keyLines(keys)];
      return { bytes, note: classes };
    },
    finish({ rows, notes, sizes }) {
      const classes = new TextEncoder().encode(classesText(notes));
      const tensors = [
        { name: "embeddings", dtype: half ? "F16" : "F32", shape: [rows, dims] },
        { name: "labels", dtype: "I32", shape: [rows] },
        { name: "sizes", dtype: "I32", shape: [rows, 2] },
        { name: "keys", dtype: "U8", shape: [sizes[3]] },
        { name: "classes", dtype: "U8", shape: [classes.length] },
      ] as const;
      return {
        header: encodeHeader(tensors, { metadata, length: HEADER_BYTES }),
        appended: [1, 2, 3, classes],
      };
    },
  };
}

const asBytes = ({ buffer, byteOffset, byteLength }: Int32Array) =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** The names of the classes that occur by index, as JSON. */
function classesText(notes: readonly Json[]): string {
  const names: ClassNames = Object.assign({}, ...notes as ClassNames[]);
  return JSON.stringify(names);
}

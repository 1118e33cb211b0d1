/**
 * The column of vectors in a row group of a Parquet file: a list of as many numbers in each row. The package's own way for
 * lists makes two levels and an object for each number, and takes as long as a GPU for the vectors.
 *
 * @module
 */
import type { ColumnChunk } from "npm:hyparquet@1.31.5";
import type { ByteWriter } from "npm:hyparquet-writer@0.17.0";
import { ByteWriter as Bytes } from "npm:hyparquet-writer@0.17.0";
import { writePageHeader } from "npm:hyparquet-writer@0.17.0/src/datapage.js";
import { type EmbeddingsHeader, vectorBytes } from "../embedding_rows.ts";

/** Bytes of a page, at most; a page has at least one row. */
const PAGE_BYTES = 1 << 20;

/** Appends `vectors` [rows, dims] to `writer`, and returns the description of the column chunk. */
export function writeVectors(
  writer: ByteWriter,
  vectors: Float32Array,
  { dims, half }: Pick<EmbeddingsHeader, "dims" | "half">,
): ColumnChunk {
  const start = writer.offset, rows = vectors.length / dims;
  const perPage = Math.max(1, Math.floor(PAGE_BYTES / dims / (half ? 2 : 4)));
  for (let row = 0; row < rows; row += perPage) {
    const end = Math.min(rows, row + perPage);
    writePage(writer, vectorBytes(vectors.subarray(row * dims, end * dims), half), {
      rows: end - row,
      dims,
    });
  }
  const size = BigInt(writer.offset - start);
  return {
    file_offset: BigInt(start),
    meta_data: {
      type: half ? "FIXED_LEN_BYTE_ARRAY" : "FLOAT",
      encodings: ["PLAIN", "RLE"],
      path_in_schema: ["vector", "list", "element"],
      codec: "UNCOMPRESSED",
      num_values: BigInt(vectors.length),
      total_uncompressed_size: size,
      total_compressed_size: size,
      data_page_offset: BigInt(start),
    },
  };
}

/** A data page of version 2 with the vectors of `rows` rows in `values`. */
function writePage(
  writer: ByteWriter,
  values: Uint8Array,
  { rows, dims }: { rows: number; dims: number },
): void {
  const repetition = new Bytes(), definition = new Bytes();
  // The first number of a vector begins a list (level 0), the others continue it (1). All are there (1).
  for (let row = 0; row < rows; row++) {
    writeRun(repetition, 0, 1);
    if (dims > 1) writeRun(repetition, 1, dims - 1);
  }
  writeRun(definition, 1, rows * dims);
  const size = repetition.offset + definition.offset + values.length;
  writePageHeader(writer, {
    type: "DATA_PAGE_V2",
    uncompressed_page_size: size,
    compressed_page_size: size,
    data_page_header_v2: {
      num_values: rows * dims,
      num_nulls: 0,
      num_rows: rows,
      encoding: "PLAIN",
      definition_levels_byte_length: definition.offset,
      repetition_levels_byte_length: repetition.offset,
      is_compressed: false,
    },
  });
  for (const bytes of [repetition.getBytes(), definition.getBytes(), values]) writer.appendBytes(bytes);
}

/** A run of `count` levels of one bit, as Parquet's RLE encoding has it. */
function writeRun(writer: ByteWriter, level: number, count: number): void {
  writer.appendVarInt(count << 1);
  writer.appendUint8(level);
}

/**
 * A Parquet file with a row group for each group of rows: key, label, label_index, width, height, and vector, a list of
 * FLOAT, or of FLOAT16 with `half`. Its key-value metadata say how the vectors were made.
 *
 * @module
 */
import type { FileMetaData, SchemaElement } from "npm:hyparquet@1.31.5";
import { ByteWriter, ParquetWriter } from "npm:hyparquet-writer@0.17.0";
import type { EmbeddingRows, EmbeddingsHeader, Json, RowFormat } from "../embedding_rows.ts";
import { writeVectors } from "./parquet_vectors.ts";

type RowGroup = FileMetaData["row_groups"][number];

const MAGIC = new TextEncoder().encode("PAR1");

function schemaOf({ half }: EmbeddingsHeader): SchemaElement[] {
  const text = { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } } as const;
  return [
    { name: "embeddings", num_children: 6 },
    { name: "key", ...text, repetition_type: "REQUIRED" },
    { name: "label", ...text, repetition_type: "OPTIONAL" },
    { name: "label_index", type: "INT32", repetition_type: "OPTIONAL" },
    { name: "width", type: "INT32", repetition_type: "REQUIRED" },
    { name: "height", type: "INT32", repetition_type: "REQUIRED" },
    {
      name: "vector",
      repetition_type: "REQUIRED",
      num_children: 1,
      converted_type: "LIST",
      logical_type: { type: "LIST" },
    },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    half
      ? {
        name: "element",
        type: "FIXED_LEN_BYTE_ARRAY",
        type_length: 2,
        logical_type: { type: "FLOAT16" },
        repetition_type: "REQUIRED",
      }
      : { name: "element", type: "FLOAT", repetition_type: "REQUIRED" },
  ];
}

/** A writer that continues a file of `at` bytes, with a buffer for what is new. The writer of the package begins with PAR1. */
function continuing(header: EmbeddingsHeader, at: number): { bytes: ByteWriter; writer: ParquetWriter } {
  const bytes = new ByteWriter(1 << 20);
  bytes.offset = at - MAGIC.length;
  const writer = new ParquetWriter({
    writer: bytes,
    schema: schemaOf(header),
    codec: "UNCOMPRESSED",
    statistics: false,
    kvMetadata: Object.entries(header.metadata).map(([key, value]) => ({ key, value })),
    createdBy: "byol",
  });
  return { bytes, writer };
}

const newBytes = (bytes: ByteWriter) => bytes.getBytes().slice(MAGIC.length);

/** Writes a Parquet file. */
export function parquetFormat(header: EmbeddingsHeader): RowFormat {
  return {
    pieces: [{ suffix: "", kept: true }],
    start: () => [MAGIC],
    encode(rows, at) {
      const { bytes, writer } = continuing(header, at);
      writer.write({ columnData: columnsOf(rows), rowGroupSize: rows.keys.length });
      const [group] = writer.row_groups, before = bytes.offset;
      group.columns.push(writeVectors(bytes, rows.vectors, header));
      const added = BigInt(bytes.offset - before);
      group.total_byte_size += added;
      group.total_compressed_size! += added;
      return { bytes: [newBytes(bytes)], note: toJson(group) };
    },
    finish({ rows, notes, sizes }) {
      const { bytes, writer } = continuing(header, sizes[0]);
      writer.row_groups = notes.map(fromJson);
      writer.num_rows = BigInt(rows);
      writer.finish();
      return { appended: [newBytes(bytes)] };
    },
  };
}

function columnsOf({ keys, labels, names, widths, heights }: EmbeddingRows) {
  return [
    { name: "key", data: [...keys], encoding: "PLAIN" as const },
    { name: "label", data: [...names] },
    { name: "label_index", data: Array.from(labels, (label) => label < 0 ? null : label) },
    { name: "width", data: widths },
    { name: "height", data: heights },
  ];
}

/** JSON has no 64-bit integers: they are kept as `"123n"`, which no name in a row group looks like. */
function toJson(group: RowGroup): Json {
  return JSON.parse(JSON.stringify(group, (_, value) => typeof value === "bigint" ? `${value}n` : value));
}

function fromJson(note: Json): RowGroup {
  return JSON.parse(
    JSON.stringify(note),
    (_, value) => typeof value === "string" && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value,
  );
}

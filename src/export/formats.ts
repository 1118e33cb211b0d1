/**
 * The file formats of embeddings, by the extension of a file's name.
 *
 * @module
 */
import { extname } from "node:path";
import { UserError } from "../base/errors.ts";
import type { EmbeddingsHeader, RowFormat } from "./embedding_rows.ts";
import { csvFormat } from "./formats/csv.ts";
import { npyFormat } from "./formats/npy.ts";
import { safetensorsFormat } from "./formats/safetensors.ts";

/** A file format of embeddings. */
export type EmbeddingsFormat = "parquet" | "npy" | "csv" | "safetensors";

const formats: Record<EmbeddingsFormat, (header: EmbeddingsHeader) => RowFormat | Promise<RowFormat>> = {
  // Loaded only when needed, with the packages that it imports.
  parquet: async (header) => (await import("./formats/parquet.ts")).parquetFormat(header),
  npy: npyFormat,
  csv: csvFormat,
  safetensors: safetensorsFormat,
};

/**
 * The format of the file `path`.
 *
 * @throws {UserError} if its extension names none.
 */
export function embeddingsFormatOf(path: string): EmbeddingsFormat {
  const name = extname(path).slice(1).toLowerCase();
  if (Object.hasOwn(formats, name)) return name as EmbeddingsFormat;
  const names = Object.keys(formats).map((format) => `.${format}`).join(", ");
  throw new UserError(
    `Cannot use "${path}" for embeddings: its extension must tell the format, one of ${names}. Rename it.`,
  );
}

/** What writes the file `path`. */
export async function openRowFormat(path: string, header: EmbeddingsHeader): Promise<RowFormat> {
  return await formats[embeddingsFormatOf(path)](header);
}

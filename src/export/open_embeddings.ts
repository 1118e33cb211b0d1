/**
 * Opens files of embeddings.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import type { EmbeddingsTable } from "./embeddings_table.ts";
import { embeddingsFormatOf } from "./formats.ts";

/**
 * Opens embeddings as `./run embed` writes them: .parquet, .npy (with its .keys.txt), .csv or .safetensors.
 *
 * @throws {UserError} if the file is no such embeddings, or damaged.
 */
export async function openEmbeddings(path: string): Promise<EmbeddingsTable> {
  const format = embeddingsFormatOf(path);
  if (!await exists(path)) {
    const isPart = await exists(`${path}.part`);
    throw new UserError(
      `Cannot read the embeddings "${path}": there is no such file. ${
        isPart ? "They are not complete: repeat the command that writes them" : "./run embed writes them"
      }.`,
    );
  }
  const table = await readers[format](path);
  if (table.rows > 0 && table.dims > 0) return table;
  throw new UserError(
    `Cannot use the embeddings "${path}": they have ${table.rows} rows. Embed some images.`,
  );
}

const readers = {
  parquet: async (path: string) => (await import("./readers/parquet.ts")).openParquetTable(path),
  npy: async (path: string) => (await import("./readers/npy.ts")).openNpyTable(path),
  csv: async (path: string) => (await import("./readers/csv.ts")).openCsvTable(path),
  safetensors: async (path: string) => (await import("./readers/safetensors.ts")).openSafetensorsTable(path),
};

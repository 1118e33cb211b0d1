/** Reads embeddings from Parquet: the columns key and vector. */
import { openParquetFile, readRows } from "../../../data/sources/parquet_file.ts";
import { localFile } from "../../../data/sources/random_access.ts";
import { UserError } from "../../base/errors.ts";
import type { EmbeddingsTable } from "../embeddings_table.ts";

/** Opens the Parquet file `path`, and reads its keys. */
export async function openParquetTable(path: string): Promise<EmbeddingsTable> {
  const file = await openParquetFile(await localFile(path)),
    names = file.columns.map(({ element }) => element.name);
  if (!names.includes("key") || !names.includes("vector")) {
    throw new UserError(
      `Cannot use "${path}" as embeddings: it must have the columns key and vector, and has ${
        names.slice(0, 6).join(", ")
      }. Give a file of ./run embed.`,
    );
  }
  const rows = Number(file.metadata.num_rows);
  const columnOf = (column: string, first: number, count: number) =>
    count === 0 ? [] : readRows(file, { column, from: first, to: first + count });
  const keys = await columnOf("key", 0, rows) as (string | Uint8Array)[];
  const [vector] = await columnOf("vector", 0, Math.min(1, rows)) as ArrayLike<number>[];
  const dims = vector?.length ?? 0;
  return {
    path,
    rows,
    dims,
    keys: keys.map((key) => typeof key === "string" ? key : new TextDecoder().decode(key)),
    metadata: Object.fromEntries(
      (file.metadata.key_value_metadata ?? []).map(({ key, value }) => [key, value]),
    ),
    async read(first, count) {
      const vectors = new Float32Array(count * dims);
      const found = await columnOf("vector", first, count) as ArrayLike<number>[];
      for (const [i, row] of found.entries()) {
        if (row?.length !== dims) {
          throw new UserError(
            `Cannot use the embeddings "${path}": row ${first + i} has a vector of ${
              row?.length ?? 0
            } numbers, ` +
              `others of ${dims}.`,
          );
        }
        vectors.set(row, i * dims);
      }
      return vectors;
    },
  };
}

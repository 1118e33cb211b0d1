/** Reads embeddings from Parquet: the columns key and vector. */
import { openParquetFile, type ParquetFile, readRows } from "../../../data/sources/parquet_file.ts";
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
  const keys = await columnOf("key", 0, rows) as Text[];
  const labels = names.includes("label") ? await columnOf("label", 0, rows) as Text[] : undefined;
  const [vector] = await columnOf("vector", 0, Math.min(1, rows)) as ArrayLike<number>[];
  const dims = vector?.length ?? 0;
  return {
    path,
    rows,
    dims,
    keys: keys.map((key) => textOf(key) ?? ""),
    labels: labels?.map(textOf),
    metadata: Object.fromEntries(
      (file.metadata.key_value_metadata ?? []).map(({ key, value }) => [key, value]),
    ),
    async read(first, count) {
      const vectors = new Float32Array(count * dims);
      // A row group at a time, as its numbers take several times the memory until they are copied.
      for (const { from, to } of partsOf(file, { first, count })) {
        const found = await columnOf("vector", from, to - from) as ArrayLike<number>[];
        for (const [i, row] of found.entries()) {
          if (row?.length !== dims) throw unequal(path, { row: from + i, length: row?.length ?? 0, dims });
          vectors.set(row, (from - first + i) * dims);
        }
      }
      return vectors;
    },
  };
}

/** A cell of text, as text or as UTF-8. */
type Text = string | Uint8Array | null | undefined;

const textOf = (cell: Text) => cell instanceof Uint8Array ? new TextDecoder().decode(cell) : cell ?? null;

/** The rows `first` … `first + count − 1`, divided where row groups begin. */
function partsOf(
  { metadata: { row_groups } }: ParquetFile,
  { first, count }: { first: number; count: number },
): { from: number; to: number }[] {
  const parts: { from: number; to: number }[] = [], end = first + count;
  let begin = 0;
  for (const { num_rows } of row_groups) {
    const next = begin + Number(num_rows), from = Math.max(begin, first), to = Math.min(next, end);
    if (from < to) parts.push({ from, to });
    begin = next;
  }
  return parts;
}

function unequal(
  path: string,
  { row, length, dims }: { row: number; length: number; dims: number },
): UserError {
  return new UserError(
    `Cannot use the embeddings "${path}": row ${row} has a vector of ${length} numbers, others of ${dims}. Embed the ` +
      `images again.`,
  );
}

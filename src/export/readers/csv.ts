/** Reads embeddings from CSV: the column key, and those of the vector, e0, e1, … */
import { UserError } from "../../base/errors.ts";
import type { EmbeddingsTable } from "../embeddings_table.ts";

/** Reads the CSV file `path` as a whole. */
export async function openCsvTable(path: string): Promise<EmbeddingsTable> {
  let columns: { key: number; label: number; vector: number[] } | null = null;
  const keys: string[] = [], labels: (string | null)[] = [], blocks: Float32Array<ArrayBuffer>[] = [];
  using file = await Deno.open(path);
  for await (const fields of records(file.readable.pipeThrough(new TextDecoderStream()))) {
    if (!columns) columns = columnsIn(path, fields);
    else {
      keys.push(fields[columns.key]);
      labels.push(fields[columns.label] || null);
      blocks.push(Float32Array.from(columns.vector, (column) => Number(fields[column])));
      if (blocks.at(-1)!.some(Number.isNaN)) {
        throw new UserError(
          `Cannot use the embeddings "${path}": row ${keys.length} has a vector with fewer numbers, or with other text.`,
        );
      }
    }
  }
  const dims = columns?.vector.length ?? 0, vectors = new Float32Array(keys.length * dims);
  blocks.forEach((vector, i) => vectors.set(vector, i * dims));
  return {
    path,
    rows: keys.length,
    dims,
    keys,
    labels,
    metadata: {},
    read: (first, count) => Promise.resolve(vectors.slice(first * dims, (first + count) * dims)),
  };
}

function columnsIn(
  path: string,
  head: readonly string[],
): { key: number; label: number; vector: number[] } {
  const key = head.indexOf("key"), label = head.indexOf("label"), vector: number[] = [];
  for (let column; (column = head.indexOf(`e${vector.length}`)) >= 0;) vector.push(column);
  if (key >= 0 && vector.length > 0) return { key, label, vector };
  throw new UserError(
    `Cannot use "${path}" as embeddings: it must have the columns key, e0, e1, …, and has ${
      head.slice(0, 6).join(", ")
    }. Give a file of ./run embed.`,
  );
}

/** The records of CSV text, as lists of fields; quoted fields may have line breaks. */
async function* records(text: AsyncIterable<string>): AsyncGenerator<string[]> {
  let rest = "";
  for await (const chunk of text) {
    rest += chunk;
    let end;
    while ((end = endOfRecord(rest)) >= 0) {
      yield fieldsOf(rest.slice(0, end));
      rest = rest.slice(end + 1);
    }
  }
  if (rest !== "") yield fieldsOf(rest);
}

/** Where the first record of `text` ends: at a line break outside of quotes; −1 if it has no end yet. */
function endOfRecord(text: string): number {
  let from = 0;
  for (;;) {
    const end = text.indexOf("\n", from);
    if (end < 0) return -1;
    const quotes = text.slice(0, end).split('"').length - 1;
    if (quotes % 2 === 0) return end;
    from = end + 1;
  }
}

function fieldsOf(record: string): string[] {
  const line = record.endsWith("\r") ? record.slice(0, -1) : record;
  if (!line.includes('"')) return line.split(",");
  const fields = [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)];
  return fields.map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain);
}

/**
 * Images in Parquet files, as Hugging Face stores data sets. They are streamed: the rows of a row group are stored together,
 * and reading one row means reading its whole page or group.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import type { Shard, ShardImage, StreamedSource } from "./types.ts";
import { orderedMap } from "../ordered_map.ts";
import { ReadableStream } from "../streams.ts";
import { type Columns, columnsOf } from "./parquet_columns.ts";
import { damaged, openParquetFile, type ParquetFile, readRows } from "./parquet_file.ts";
import { baseName } from "./patterns.ts";
import type { RandomAccess } from "./random_access.ts";
import { streamedSource } from "./streamed.ts";

/** If a row group has a page index, it is split into shards of about this many bytes and at most this many rows. */
const SLICE = { bytes: 2 ** 26, rows: 1000 };
/** Other row groups are read whole, and a larger column does not fit in one array. */
const MAX_GROUP_BYTES = 2 ** 31 - 1;
/** A file that claims more rows is damaged. */
const MAX_ROWS_PER_BYTE = 100;
/** Larger numbers without class names are not labels. */
const MAX_CLASSES = 1e6;

/** Consecutive rows of a file. */
interface Rows {
  file: ParquetFile;
  column: string;
  from: number;
  to: number;
}

/** Files that are opened at a time. */
const CONCURRENT_FILES = 8;

/**
 * Opens `files`, in this order, as one source called `name`. Throws a UserError if a file cannot be read or has
 * no column of images, or if there are no rows.
 */
export async function openParquet(
  name: string,
  files: readonly RandomAccess[],
): Promise<StreamedSource> {
  const rows: Rows[] = [], values: unknown[] = [], sizes: number[] = [], names: string[] = [];
  const opened = await Array.fromAsync(
    ReadableStream.from(files).pipeThrough(orderedMap(async (bytes) => {
      const file = await openParquetFile(bytes), { columns, slices } = described(file);
      const labels = await labelsIn(file, columns, slices.at(-1)?.to ?? 0);
      return { file, columns, slices, labels };
    }, CONCURRENT_FILES)),
  );
  for (const { file, columns, slices, labels } of opened) {
    // One by one: a call takes at most some hundred thousand arguments.
    for (const name of columns.names ?? []) names.push(name);
    for (const slice of slices) rows.push(slice);
    for (const { total_byte_size } of file.metadata.row_groups) sizes.push(Number(total_byte_size));
    for (const label of labels) values.push(label);
  }
  if (rows.length === 0) {
    throw new UserError(
      `Cannot read images from "${name}": it has no rows. Check the path.`,
    );
  }
  const { classes, labels } = labelsAndClasses(values, names.length > 0 ? [...new Set(names)] : null);
  let first = 0;
  const shards = rows.map((part) => {
    const count = part.to - part.from;
    first += count;
    return shardOf(part, labels.slice(first - count, first));
  });
  return await streamedSource({
    name,
    shards,
    classes,
    identity: JSON.stringify([
      rows.map(({ file, from, to }) => [baseName(file.path), from, to]),
      sizes,
      labels,
    ]),
  });
}

/** The columns and row slices of a file. Throws a UserError if its metadata make no sense. */
function described(file: ParquetFile): { columns: Columns; slices: Rows[] } {
  try {
    const columns = columnsOf(file);
    return { columns, slices: slicesOf(file, columns) };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw damaged(file.path, "its columns and row groups", error);
  }
}

/** The row groups of a file, split where a page index allows it. */
function slicesOf(file: ParquetFile, { image }: Columns): Rows[] {
  const slices: Rows[] = [];
  let first = 0;
  for (const [g, group] of file.metadata.row_groups.entries()) {
    const count = Number(group.num_rows);
    const chunks = group.columns.filter(({ meta_data }) => meta_data?.path_in_schema[0] === image);
    const bytes = chunks.reduce((sum, { meta_data }) => sum + Number(meta_data!.total_uncompressed_size), 0);
    const possible = count >= 0 && count <= MAX_ROWS_PER_BYTE * file.byteLength;
    if (!Number.isSafeInteger(count) || !possible || chunks.length === 0 || !(bytes >= 0)) {
      throw damaged(file.path, `column ${image} of row group ${g}`, `it has ${count} rows`);
    }
    const indexed = chunks.every(({ offset_index_offset, offset_index_length }) =>
      offset_index_offset && offset_index_length
    );
    if (!indexed && bytes > MAX_GROUP_BYTES) {
      throw new UserError(
        `Cannot read "${file.path}": row group ${g} has ${bytes} bytes, more than ${MAX_GROUP_BYTES}, and no page index. ` +
          `Write the file with smaller row groups, or with write_page_index.`,
      );
    }
    const fits = Math.floor(SLICE.bytes / (bytes / Math.max(1, count)));
    const size = indexed ? Math.max(1, Math.min(SLICE.rows, fits)) : count;
    for (let from = 0; from < count; from += size) {
      const to = Math.min(count, from + size);
      slices.push({ file, column: image, from: first + from, to: first + to });
    }
    first += count;
  }
  return slices;
}

/** The value of the label column in each row: a number, a string or null. */
async function labelsIn(file: ParquetFile, { label, names }: Columns, count: number): Promise<unknown[]> {
  if (label === null || count === 0) return Array(count).fill(null);
  const values = await readRows(file, { column: label, from: 0, to: count });
  return values.map((value) => {
    if (typeof value === "bigint" || typeof value === "number") {
      const number = Number(value);
      return names ? names[number] ?? null : number >= 0 && number < MAX_CLASSES ? number : null;
    }
    return typeof value === "string" ? value : null;
  });
}

/** Classes and labels from label values: class names, or numbers of classes without names. */
function labelsAndClasses(
  values: unknown[],
  names: string[] | null,
): { classes: string[]; labels: (number | null)[] } {
  const numbers = values.filter((value) => typeof value === "number");
  const largest = numbers.reduce((largest, value) => Math.max(largest, value), -1);
  const texts = new Set(values.filter((value) => typeof value === "string"));
  const classes = names ?? [
    ...Array.from({ length: largest + 1 }, (_, k) => String(k)),
    ...[...texts].sort(),
  ];
  const labelOf = new Map(classes.map((name, k) => [name, k]));
  return {
    classes,
    labels: values.map((value) => value === null ? null : labelOf.get(String(value)) ?? null),
  };
}

function shardOf(rows: Rows, labels: (number | null)[]): Shard {
  const { file, from: first, to } = rows;
  return {
    name: `${file.path}, rows ${first} to ${to - 1}`,
    length: to - first,
    slow: file.bytes.isRemote,
    async *open({ from, signal }) {
      const values = await readRows(file, { ...rows, from: first + from, signal });
      for (const [i, value] of values.entries()) {
        values[i] = undefined; // frees the row once it is delivered
        const number = from + i;
        yield {
          number,
          key: `${baseName(file.path)}/${first + number}`,
          label: labels[number],
          ...imageIn(value),
          at: null,
        };
      }
    },
  };
}

function imageIn(value: unknown): Pick<ShardImage, "bytes" | "failure"> {
  const { bytes, path } = value instanceof Uint8Array
    ? { bytes: value }
    : (value ?? {}) as { bytes?: unknown; path?: unknown };
  // A copy, so that the page can be freed.
  if (bytes instanceof Uint8Array) return { bytes: bytes.slice(), failure: null };
  const elsewhere = typeof path === "string" ? `, which only names the file ${path}` : "";
  return { bytes: new Uint8Array(0), failure: `its row has no bytes${elsewhere}` };
}

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
import { digest } from "./digest.ts";
import { classify, countCandidates } from "./labels.ts";
import type { OpenContext } from "./open_options.ts";
import { type Columns, columnsOf } from "./parquet_columns.ts";
import { damaged, openParquetFile, type ParquetFile, readRows } from "./parquet_file.ts";
import { checkLabelsAgree, type FileLabels, labelsIn } from "./parquet_labels.ts";
import type { RandomAccess } from "./random_access.ts";
import { distinctNames } from "./split_files.ts";
import { streamedSource } from "./streamed.ts";
import type { Survey } from "./survey.ts";

/** If a row group has a page index, it is split into shards of about this many bytes and at most this many rows. */
const SLICE = { bytes: 2 ** 26, rows: 1000 };
/** Other row groups are read whole, and a larger column does not fit in one array. */
const MAX_GROUP_BYTES = 2 ** 31 - 1;
/** A file that claims more rows is damaged. */
const MAX_ROWS_PER_BYTE = 100;

/** Consecutive rows of a file. */
interface Rows {
  file: ParquetFile;
  column: string;
  from: number;
  to: number;
  /** About as many as are read for them. */
  bytes: number;
}

/** Of remote files so much is asked for ahead, in at most so many requests: what a fast line carries in a round trip. */
const AHEAD = { bytes: 2 ** 25, requests: 8 };

/** Files that are opened at a time. */
const CONCURRENT_FILES = 8;

/** The fingerprint includes so many parts of the files, of so many bytes, spread over them. */
const SAMPLED_PARTS = 32, SAMPLED_BYTES = 4096;

/**
 * Opens `files`, in this order, as one source called `name`. Throws a UserError if a file cannot be read or has no column of
 * images, if the files' labels do not agree, or if there are no rows.
 */
export async function openParquet(
  name: string,
  files: readonly RandomAccess[],
  { survey, label: wanted }: OpenContext,
): Promise<StreamedSource> {
  const opened = await Array.fromAsync(
    ReadableStream.from(files).pipeThrough(orderedMap(async (bytes) => {
      const file = await openParquetFile(bytes), { columns, slices } = described(file, wanted);
      const labels = await labelsIn(file, columns, slices.at(-1)?.to ?? 0);
      return { file, columns, slices, labels };
    }, CONCURRENT_FILES)),
  );
  const slices = opened.flatMap(({ slices }) => slices);
  if (slices.length === 0) {
    throw new UserError(
      `Cannot read images from "${name}": it has no rows. Check the path.`,
    );
  }
  for (const { file, slices } of opened) {
    if (slices.length === 0) survey.leaveOut({ name: file.path, kind: ".parquet", reason: "without rows" });
  }
  countOtherColumns(opened, survey);
  checkLabelsAgree(
    name,
    opened.map(({ file: { path }, columns: { label }, labels: { kind } }) => ({ path, label, kind })),
  );
  const names = distinctNames(files.map(({ name }) => name));
  const parts = opened.flatMap(({ slices }, f) => slices.map((slice) => ({ ...slice, key: names[f] })));
  const listed = [...new Set(opened.flatMap(({ columns }) => columns.names ?? []))];
  const texts = opened.flatMap(({ labels }) => labels.texts);
  const { classes, labels } = classify(texts, { name, names: listed, keyOf: (row) => `row ${row}` });
  const label = (row: number) => labels[row] < 0 ? null : labels[row];
  let first = 0;
  const shards = parts.map((part) => {
    const begin = first;
    first += part.to - part.from;
    return shardOf(part, (number) => label(begin + number));
  });
  const samples = await contentsOf(files);
  return await streamedSource({
    name,
    shards,
    classes,
    label,
    identity: (function* () {
      for (const { key, from, to } of parts) yield JSON.stringify([key, from, to]);
      for (const { file } of opened) {
        for (const { total_byte_size } of file.metadata.row_groups) yield String(total_byte_size);
      }
      yield* Array.from(labels, String);
      yield* samples;
    })(),
  });
}

/** Columns that hold images or labels and are not read: each is named once. */
function countOtherColumns(
  opened: { columns: Columns; labels: FileLabels }[],
  survey: Survey,
): void {
  const others = opened.flatMap(({ columns: { label, others }, labels: { reason } }) =>
    reason === null ? others : [...others, { name: label!, kind: "label column" as const, reason }]
  );
  const named = new Map(others.map((other) => [`${other.kind} ${other.name}`, other]));
  named.forEach((other) => survey.leaveOut(other));
  const isLabeled = opened.some(({ columns: { label } }) => label !== null);
  if (!isLabeled) countCandidates(opened.flatMap(({ columns: { candidates } }) => candidates), survey);
  for (const { columns: { label }, labels: { unnamed } } of opened) {
    if (unnamed > 0) {
      survey.leaveOut({ name: label!, kind: "label", reason: "a number without a name", count: unnamed });
    }
  }
}

/** Digests of parts of `files`, spread over all of their bytes. */
async function contentsOf(files: readonly RandomAccess[]): Promise<string[]> {
  const total = files.reduce((sum, { size }) => sum + size, 0), parts: [RandomAccess, number][] = [];
  for (let k = 0, f = 0, begin = 0; k < SAMPLED_PARTS; k++) {
    const at = Math.floor(k * total / SAMPLED_PARTS);
    while (at >= begin + files[f].size) begin += files[f++].size;
    parts.push([files[f], at - begin]);
  }
  return await Array.fromAsync(
    ReadableStream.from(parts).pipeThrough(
      orderedMap(
        async ([file, at]) => await digest(await file.read(at, Math.min(SAMPLED_BYTES, file.size - at))),
        CONCURRENT_FILES,
      ),
    ),
  );
}

/** The columns and row slices of a file. Throws a UserError if its metadata make no sense. */
function described(file: ParquetFile, wanted?: string): { columns: Columns; slices: Rows[] } {
  try {
    const columns = columnsOf(file, wanted);
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
      const share = bytes * (to - from) / count;
      slices.push({ file, column: image, from: first + from, to: first + to, bytes: share });
    }
    first += count;
  }
  return slices;
}

function shardOf(
  { key, ...rows }: Rows & { key: string },
  labelOf: (number: number) => number | null,
): Shard {
  const { file, from: first, to, bytes } = rows;
  return {
    name: `${file.path}, rows ${first} to ${to - 1}`,
    length: to - first,
    ahead: file.bytes.isRemote ? Math.min(AHEAD.requests, Math.ceil(AHEAD.bytes / bytes)) : 0,
    async *open({ from, signal }) {
      const values = await readRows(file, { ...rows, from: first + from, signal });
      for (const [i, value] of values.entries()) {
        values[i] = undefined; // frees the row once it is delivered
        const number = from + i;
        yield {
          number,
          key: `${key}/${first + number}`,
          label: labelOf(number),
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

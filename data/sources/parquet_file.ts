/**
 * Parquet files: what is in them, and rows of single columns.
 *
 * @module
 */
import {
  type AsyncBuffer,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetRead,
  parquetSchema,
  type SchemaTree,
} from "npm:hyparquet@1.31.5";
import { compressors as all } from "npm:hyparquet-compressors@1.1.2";
import { messageOf, UserError } from "../../src/base/errors.ts";
import { readPart } from "./bytes.ts";
import { readError } from "./entries.ts";

/** An open file; no handle is held. */
export interface ParquetFile {
  path: string;
  byteLength: number;
  metadata: FileMetaData;
  /** The top-level columns. */
  columns: SchemaTree[];
}

/** What a damaged page may claim to be unpacked is refused above this. */
const LARGEST_PAGE = 2 ** 30;

const compressors: Compressors = Object.fromEntries(
  Object.entries(all).map(([codec, unpack]) => [codec, (input: Uint8Array, length: number) => {
    if (length > LARGEST_PAGE) throw new Error(`a page of ${length} bytes, and ${LARGEST_PAGE} is the limit`);
    return unpack(input, length);
  }]),
);

/** Reads what the file at `path` says of itself. Throws a UserError if it is damaged, cut off, or no Parquet file. */
export async function openParquetFile(path: string): Promise<ParquetFile> {
  let byteLength: number;
  try {
    ({ size: byteLength } = await Deno.stat(path));
  } catch (error) {
    throw readError(path, error);
  }
  const { buffer, close } = bufferOf(path, byteLength);
  try {
    const metadata = await parquetMetadataAsync(buffer, { geoparquet: false });
    return { path, byteLength, metadata, columns: parquetSchema(metadata).children };
  } catch (error) {
    throw damaged(path, "a Parquet file with its description at the end", error);
  } finally {
    close();
  }
}

/**
 * The bytes of a file for one call of hyparquet, to be closed after it. Where a damaged file makes that call throw, it
 * leaves promises behind that nobody awaits, and a rejection of one would end the process: after `close` none settles.
 */
function bufferOf(path: string, byteLength: number): { buffer: AsyncBuffer; close(): void } {
  let closed = false;
  const read = async (start: number, end: number) => {
    if (!(start >= 0 && start <= end && end <= byteLength)) {
      await new Promise((resolve) => setTimeout(resolve)); // not before the call has thrown, if it is to
      throw new Error(`it has ${byteLength} bytes and points to ${start} … ${end}`);
    }
    return (await readPart(path, { offset: start, size: end - start, what: `byte ${end}` })).buffer;
  };
  const never = new Promise<never>(() => {});
  const slice = (start: number, end = byteLength) => {
    const bytes = read(start, end).then(
      (bytes) => closed ? never : bytes,
      (error) => closed ? never : Promise.reject(error),
    );
    bytes.catch(() => {}); // it may have been asked for ahead, and never be awaited
    return bytes;
  };
  return { buffer: { byteLength, slice }, close: () => closed = true };
}

/** The values of a top-level column in the rows `from` … `to` − 1. Throws a UserError if they cannot be read. */
export async function readRows(
  { path, byteLength, metadata }: ParquetFile,
  { column, from, to }: { column: string; from: number; to: number },
): Promise<unknown[]> {
  let rows: unknown[][] = [];
  const { buffer, close } = bufferOf(path, byteLength);
  try {
    await parquetRead({
      file: buffer,
      metadata,
      columns: [column],
      rowStart: from,
      rowEnd: to,
      utf8: false, // bytes that are not annotated as text are bytes
      geoparquet: false,
      compressors,
      useOffsetIndex: true,
      onComplete: (complete) => rows = complete,
    });
    if (rows.length !== to - from) throw new Error(`there are ${rows.length} rows`);
  } catch (error) {
    throw damaged(path, `column ${column} in the rows ${from} to ${to - 1}`, error);
  } finally {
    close();
  }
  return rows.map(([value]) => value);
}

/** The error for a file that is not what it says. */
export function damaged(path: string, expected: string, error: unknown): UserError {
  return new UserError(
    `Cannot read ${path}: expected ${expected}: ${
      messageOf(error)
    }. It is damaged, cut off, or of a kind that is not ` +
      `known: copy or download it again.`,
    { cause: error },
  );
}

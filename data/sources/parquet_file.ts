/**
 * Parquet files: their metadata, and rows of single columns.
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
import type { RandomAccess } from "./random_access.ts";

/** A Parquet file. No handle is held open. */
export interface ParquetFile {
  /** Its path, or its name if it is on a server. */
  path: string;
  byteLength: number;
  /** Its bytes. */
  bytes: RandomAccess;
  metadata: FileMetaData;
  /** The top-level columns. */
  columns: SchemaTree[];
}

/** A page that claims to be larger when unpacked is damaged. */
const MAX_PAGE_BYTES = 2 ** 30;

const compressors: Compressors = Object.fromEntries(
  Object.entries(all).map(([codec, unpack]) => [codec, (input: Uint8Array, length: number) => {
    if (length > MAX_PAGE_BYTES) {
      throw new Error(`a page has ${length} bytes, and ${MAX_PAGE_BYTES} is the limit`);
    }
    return unpack(input, length);
  }]),
);

/** Reads the metadata of a file. Throws a UserError if it is damaged, truncated, or not a Parquet file. */
export async function openParquetFile(bytes: RandomAccess): Promise<ParquetFile> {
  const { name: path, size: byteLength } = bytes;
  const { buffer, close } = bufferOf(bytes);
  try {
    const metadata = await parquetMetadataAsync(buffer, { geoparquet: false });
    return { path, byteLength, bytes, metadata, columns: parquetSchema(metadata).children };
  } catch (error) {
    if (error instanceof UserError) throw error; // of the server
    throw damaged(path, "the metadata at its end", error);
  } finally {
    close();
  }
}

/**
 * The bytes of a file for one call of hyparquet, to be closed after it. If a damaged file makes that call throw, it leaves
 * promises that nobody awaits, and a rejected one would end the process. After `close` none of them settles.
 */
function bufferOf(bytes: RandomAccess, signal?: AbortSignal): { buffer: AsyncBuffer; close(): void } {
  const { size: byteLength } = bytes;
  let closed = false;
  const read = async (start: number, end: number) => {
    if (!(start >= 0 && start <= end && end <= byteLength)) {
      await new Promise((resolve) => setTimeout(resolve)); // so that the call can throw first
      throw new Error(`it has ${byteLength} bytes but refers to ${start} … ${end}`);
    }
    return (await bytes.read(start, end - start, signal)).buffer;
  };
  const never = new Promise<never>(() => {});
  const slice = (start: number, end = byteLength) => {
    const part = read(start, end).then(
      (bytes) => closed ? never : bytes,
      (error) => closed ? never : Promise.reject(error),
    );
    part.catch(() => {}); // it may have been requested ahead and never be awaited
    return part;
  };
  return { buffer: { byteLength, slice }, close: () => closed = true };
}

/** The values of a top-level column in the rows `from` … `to` − 1. Throws a UserError if they cannot be read. */
export async function readRows(
  { path, bytes, metadata }: ParquetFile,
  { column, from, to, signal }: { column: string; from: number; to: number; signal?: AbortSignal },
): Promise<unknown[]> {
  let rows: unknown[][] = [];
  const { buffer, close } = bufferOf(bytes, signal);
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
    if (rows.length !== to - from) throw new Error(`only ${rows.length} rows were found`);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof UserError) throw error; // of the server
    throw damaged(path, `column ${column} in the rows ${from} to ${to - 1}`, error);
  } finally {
    close();
  }
  return rows.map(([value]) => value);
}

/** The error for a file of which `part` cannot be read. */
export function damaged(path: string, part: string, error: unknown): UserError {
  return new UserError(
    `Cannot read "${path}": ${part} cannot be read: ${
      messageOf(error)
    }. The file is damaged, truncated, or not Parquet. ` +
      `Copy or download it again.`,
    { cause: error },
  );
}

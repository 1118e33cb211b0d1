/**
 * Files on servers, read in parts and in any order.
 *
 * @module
 */
import { concatBytes } from "../../src/base/bytes.ts";
import { UserError } from "../../src/base/errors.ts";
import { checkEncodedSize } from "../file_range.ts";
import { remoteBytes, type RemoteFile } from "./http.ts";
import type { RequestOptions } from "./http_connection.ts";
import type { RandomAccess } from "./random_access.ts";

/** Longer reads are divided into parts of this size, which connections load side by side: 8 MiB. */
const PIECE = 2 ** 23;

/** Requests for parts and single files at a time, over all sources. */
export const CONCURRENT_REQUESTS = 32;

let free = CONCURRENT_REQUESTS;
const waiting: (() => void)[] = [];

/** Calls `request` as soon as fewer than {@linkcode CONCURRENT_REQUESTS} are under way, in the order of the calls. */
async function inTurn<T>(request: () => Promise<T>): Promise<T> {
  if (free > 0) free--;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    return await request();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else free++;
  }
}

/** The bytes of `file` from byte `from` to `to`, by default all. Throws an Error if they are too many for an image. */
export async function readRemote(
  file: RemoteFile,
  request: RequestOptions & { from?: number; to?: number | null },
): Promise<Uint8Array<ArrayBuffer>> {
  return await inTurn(async () => {
    request.signal?.throwIfAborted();
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of remoteBytes(file, request)) {
      checkEncodedSize(size += part.length);
      parts.push(part);
    }
    return concatBytes(parts);
  });
}

/**
 * Random access to `file` by Range requests. Throws a UserError if the server does not say how long it is; reading throws
 * one if the file has changed, or if the server sends whole files only.
 */
export function randomAccess(file: RemoteFile, request: RequestOptions): RandomAccess {
  const { name, length: size } = file;
  if (size === null) {
    throw new UserError(
      `Cannot read parts of "${name}": its server does not tell its size. Copy the file to this machine.`,
    );
  }
  return {
    name,
    size,
    isRemote: true,
    async read(offset, length, signal) {
      if (!(offset >= 0 && length >= 0 && offset + length <= size)) {
        throw new Error(`it has ${size} bytes, but refers to ${offset} … ${offset + length}`);
      }
      const count = Math.max(1, Math.round(length / PIECE)), piece = Math.ceil(length / count);
      const parts = await Promise.allSettled(Array.from({ length: count }, (_, i) => {
        const from = offset + i * piece, to = Math.min(offset + length, from + piece);
        return readRemote(file, { ...request, signal: signal ?? request.signal, from, to });
      }));
      return concatBytes(parts.map((part) => {
        if (part.status === "rejected") throw part.reason;
        return part.value;
      }));
    },
  };
}

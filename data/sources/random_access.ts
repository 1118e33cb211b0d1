/**
 * Bytes that are read in any order: of a local file, or of a server that answers Range requests.
 *
 * @module
 */
import { readPart } from "./bytes.ts";
import { readError } from "./entries.ts";

/** A file whose parts are read in any order, several at a time. */
export interface RandomAccess {
  /** Its name in messages: a path or an address. */
  readonly name: string;
  /** Its size in bytes. */
  readonly size: number;
  /** Whether it is on a server: then reading several parts at a time and early pays. */
  readonly isRemote?: boolean;
  /** Reads the `length` bytes from `offset` on. Throws if the file ends before. Aborting `signal` ends waiting for a server. */
  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
}

/** The local file at `path`. No handle is held open. Throws a UserError if it cannot be read. */
export async function localFile(path: string): Promise<RandomAccess> {
  const { size } = await Deno.stat(path).catch((error) => {
    throw readError(path, error);
  });
  return {
    name: path,
    size,
    read: (offset, length) => readPart(path, { offset, size: length, what: `byte ${offset + length}` }),
  };
}

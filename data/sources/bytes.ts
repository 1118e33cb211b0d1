/**
 * Streams of bytes: of files, gunzipped, and read piece by piece.
 *
 * @module
 */
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { messageOf, UserError } from "../../src/base/errors.ts";
import { readError } from "./entries.ts";

/** Bytes asked for at a time. Below this, the calls cost more than the bytes. */
const CHUNK = 1 << 18;

/** The bytes of the file at `path`. */
export async function* fileBytes(path: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  using file = await Deno.open(path).catch((error) => {
    throw readError(path, error);
  });
  for (;;) {
    signal?.throwIfAborted();
    const chunk = new Uint8Array(CHUNK);
    const count = await file.read(chunk).catch((error) => {
      throw readError(path, error);
    });
    if (count === null) return;
    yield chunk.subarray(0, count);
  }
}

/** Reads `size` bytes of the file at `path` from `offset` on. Throws if it ends before; `what` is what lies there. */
export async function readPart(
  path: string,
  { offset, size, what }: { offset: number; size: number; what: string },
): Promise<Uint8Array<ArrayBuffer>> {
  // Seek and read on a shared handle would have to be locked, handles kept open would have to be counted against the
  // limit of open files; this does 20,000 reads a second at eight at a time.
  using file = await Deno.open(path);
  await file.seek(offset, Deno.SeekMode.Start);
  const bytes = new Uint8Array(size);
  for (let filled = 0; filled < size;) {
    const count = await file.read(bytes.subarray(filled));
    if (count === null) throw new Error(`${path} has become shorter: it ends within ${what}`);
    filled += count;
  }
  return bytes;
}

/** Whether these are the first bytes of a gzip file. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * The bytes of `chunks`, gunzipped if they begin as gzip does, whatever the name is: servers may unpack on the way. Throws
 * a UserError that names `archive` if the data are cut off or damaged.
 */
export async function* unpacked(
  archive: string,
  chunks: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const { compressed, all } = await sniffed(chunks);
  yield* compressed ? gunzipped(archive, all) : all;
}

/** Looks at the first bytes of `chunks`: whether they are gzip's. */
export async function sniffed(
  chunks: AsyncGenerator<Uint8Array>,
): Promise<{ compressed: boolean; all: AsyncGenerator<Uint8Array> }> {
  const begun: Uint8Array[] = [];
  for (let length = 0; length < 2;) {
    const { done, value } = await chunks.next();
    if (done) break;
    begun.push(value);
    length += value.length;
  }
  const compressed = isGzip(joined(begun.map((chunk) => chunk.subarray(0, 2))));
  return { compressed, all: resumed(begun, chunks) };
}

async function* resumed(begun: Uint8Array[], rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* begun;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}

/** Of several members, as pigz and `cat` make them, all are read; DecompressionStream would stop at the second. */
export async function* gunzipped(
  archive: string,
  chunks: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: CHUNK });
  let settled = () => {};
  const ended = new Promise<void>((resolve) => settled = resolve);
  pipeline(Readable.from(chunks, { objectMode: false }), gunzip, () => settled());
  let count = 0;
  try {
    for await (const chunk of gunzip as AsyncIterable<Uint8Array>) {
      yield chunk;
      count += chunk.length;
    }
  } catch (error) {
    if (!/^Z_/.test((error as { code?: string }).code ?? "")) throw error;
    throw new UserError(
      `Cannot read ${archive}: expected gzip data that are whole: found, after ${count} unpacked bytes, ` +
        `"${messageOf(error)}". It is damaged or cut off: copy or download it again.`,
      { cause: error },
    );
  } finally {
    gunzip.destroy();
    await ended; // only then the source of the bytes is closed
    await chunks.return(undefined);
  }
}

/** The parts as one array. */
export function joined(parts: Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0];
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Reads a stream of bytes in pieces of given lengths. */
export class ByteReader {
  /** How many bytes have been read. */
  position: number;
  #chunks: AsyncIterator<Uint8Array>;
  #chunk = new Uint8Array(0);

  /** `position` is where the first byte of `chunks` lies. */
  constructor(chunks: AsyncIterator<Uint8Array>, position = 0) {
    this.#chunks = chunks;
    this.position = position;
  }

  /** The next `length` bytes, fewer at the end; a copy, so that a small image does not hold a large chunk. */
  async take(length: number): Promise<Uint8Array> {
    if (length <= this.#chunk.length) return this.#shift(length).slice();
    const parts: Uint8Array[] = []; // not allocated at once: `length` may be what a damaged header says
    for (let missing = length; missing > 0 && await this.#fill();) {
      const part = this.#shift(missing);
      parts.push(part);
      missing -= part.length;
    }
    return parts.length === 1 ? parts[0].slice() : joined(parts);
  }

  /** Passes over `length` bytes, fewer at the end; tells how many. */
  async skip(length: number): Promise<number> {
    const begin = this.position;
    for (let missing = length; missing > 0 && await this.#fill();) missing -= this.#shift(missing).length;
    return this.position - begin; // `length` may be Infinity
  }

  #shift(most: number): Uint8Array {
    const part = this.#chunk.subarray(0, most);
    this.#chunk = this.#chunk.subarray(part.length);
    this.position += part.length;
    return part;
  }

  /** Whether there are bytes in hand, after reading some if there were none. */
  async #fill(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const { done, value } = await this.#chunks.next();
      if (done) return false;
      this.#chunk = value as Uint8Array<ArrayBuffer>;
    }
    return true;
  }
}

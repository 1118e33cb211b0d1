/**
 * Streams of bytes: reading files and taking pieces.
 *
 * @module
 */
import { concatBytes } from "../../src/base/bytes.ts";
import { readError } from "./entries.ts";

/** Bytes read at a time. With less, the calls cost more than the bytes. */
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

/** Reads `size` bytes of the file at `path` from `offset` on. Throws if the file ends before; `what` names the part. */
export async function readPart(
  path: string,
  { offset, size, what }: { offset: number; size: number; what: string },
): Promise<Uint8Array<ArrayBuffer>> {
  // A shared handle would need a lock around seek and read, and handles kept open count against the limit of open files.
  // Opening each time reaches 20,000 reads per second, eight at a time.
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

/** Reads a stream of bytes in pieces of given lengths. */
export class ByteReader {
  /** How many bytes have been read. */
  position: number;
  #chunks: AsyncIterator<Uint8Array>;
  #chunk = new Uint8Array(0);

  /** `position` is the position of the first byte of `chunks`. */
  constructor(chunks: AsyncIterator<Uint8Array>, position = 0) {
    this.#chunks = chunks;
    this.position = position;
  }

  /** The next `length` bytes, fewer at the end; a copy, so that a small image does not hold a large chunk. */
  async take(length: number): Promise<Uint8Array> {
    if (length <= this.#chunk.length) return this.#shift(length).slice();
    const parts: Uint8Array[] = []; // not allocated at once: `length` may come from a damaged header
    for (let missing = length; missing > 0 && await this.#fill();) {
      const part = this.#shift(missing);
      parts.push(part);
      missing -= part.length;
    }
    return concatBytes(parts);
  }

  /** Skips `length` bytes, fewer at the end; returns how many. */
  async skip(length: number): Promise<number> {
    const begin = this.position;
    for (let missing = length; missing > 0 && await this.#fill();) missing -= this.#shift(missing).length;
    return this.position - begin; // `length` may be Infinity
  }

  #shift(limit: number): Uint8Array {
    const part = this.#chunk.subarray(0, limit);
    this.#chunk = this.#chunk.subarray(part.length);
    this.position += part.length;
    return part;
  }

  /** Reads a chunk if none is left; false at the end. */
  async #fill(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const { done, value } = await this.#chunks.next();
      if (done) return false;
      this.#chunk = value as Uint8Array<ArrayBuffer>;
    }
    return true;
  }
}

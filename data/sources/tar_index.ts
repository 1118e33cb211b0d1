/**
 * Lists the files of a tar archive by reading only its headers.
 *
 * Written here because random access needs one seek and one read per sample, and the available tar libraries stream
 * archives without giving the offsets of entries.
 *
 * @module
 */
import { readError } from "./entries.ts";
import { BLOCK, padding, TarHeaders, type TarKind } from "./tar_header.ts";

/** A file or link in an archive. */
export interface TarEntry {
  name: string;
  kind: TarKind;
  /** Of a link: the name of the entry that it leads to. */
  target?: string;
  /** The byte at which its body begins. */
  offset: number;
  /** Bytes of its body. */
  size: number;
}

/** Reads small pieces of a file at growing offsets, a window at a time: the headers of small entries lie close together. */
export class WindowedFile {
  readonly size: number;
  #file: Deno.FsFile;
  #start = 0;
  #window = new Uint8Array(0);

  /** Throws a UserError if `path` cannot be opened. */
  constructor(path: string) {
    try {
      this.#file = Deno.openSync(path);
    } catch (error) {
      throw readError(path, error);
    }
    this.size = this.#file.statSync().size;
  }

  /** The bytes `offset` … `offset + length − 1`, fewer at the end of the file. Valid until the next call. */
  at(offset: number, length: number): Uint8Array {
    if (offset < this.#start || offset + length > this.#start + this.#window.length) {
      const wanted = Math.max(0, Math.min(Math.max(length, 1 << 14), this.size - offset));
      const window = new Uint8Array(wanted);
      this.#file.seekSync(offset, Deno.SeekMode.Start);
      let filled = 0;
      while (filled < wanted) {
        const count = this.#file.readSync(window.subarray(filled));
        if (count === null) break;
        filled += count;
      }
      this.#start = offset;
      this.#window = window.subarray(0, filled);
    }
    return this.#window.subarray(offset - this.#start, offset - this.#start + length);
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/**
 * The files and links of the archive `path`, in order, also of archives that follow it in the file. `onRest` hears of data
 * behind the end mark that are neither zeros nor an archive. Throws a UserError if it is truncated or not a tar archive.
 */
export function* tarEntries(
  path: string,
  file: WindowedFile,
  { onRest }: { onRest?(offset: number): void } = {},
): Generator<TarEntry> {
  const headers = new TarHeaders(path);
  let hasEnded = false;
  for (let offset = 0; offset < file.size;) {
    const block = file.at(offset, BLOCK);
    if (hasEnded) {
      const found = headers.behindEnd(block);
      if (found === "other") return onRest?.(offset);
      if (found === "zeros") {
        offset += BLOCK;
        continue;
      }
    }
    const header = headers.read(block, offset);
    hasEnded = header === null;
    if (header === null) {
      offset += BLOCK;
      continue;
    }
    const { name, size, kind, target } = header, body = offset + BLOCK;
    if (body + size > file.size) throw headers.truncated(name, body + size - file.size);
    if (kind === "extension") headers.extend(file.at(body, size));
    else if (kind !== "other") yield { name, kind, target, offset: body, size };
    offset = body + size + padding(size);
  }
}

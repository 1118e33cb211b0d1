/**
 * Lists the files of a tar archive by reading its headers only.
 *
 * This is ours since a sample must be one seek and one read, whatever the order, and the tar libraries at hand
 * stream archives without telling where an entry lies. Read are ustar with prefixes, PAX headers (path, size) and GNU
 * long names and sizes (POSIX.1-2017 pax; GNU tar manual, "Basic Tar Format").
 *
 * @module
 */
import { UserError } from "../../src/errors.ts";
import { readError } from "./entries.ts";

/** A file in an archive. */
export interface TarEntry {
  name: string;
  /** Where its bytes begin in the archive. */
  offset: number;
  /** How many bytes it has. */
  size: number;
}

/** Reads small pieces of a file at growing offsets, a window at a time, as headers of small entries lie close. */
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

  /** The bytes `offset` … `offset + length − 1`, fewer at the end of the file; valid until the next call. */
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

const BLOCK = 512;
const utf8 = new TextDecoder();

/** The regular files of the archive `path`, in order. Throws a UserError if it is cut off or no tar archive. */
export function* tarEntries(path: string, file: WindowedFile): Generator<TarEntry> {
  let extended: { name?: string; size?: number } = {};
  for (let offset = 0; offset < file.size;) {
    const header = file.at(offset, BLOCK);
    if (header.length < BLOCK) throw truncated(path, `a header at byte ${offset}`, BLOCK - header.length);
    if (header.every((byte) => byte === 0)) return;
    checkSum(path, header, offset);
    const type = String.fromCharCode(header[156] || 0x30);
    const size = extended.size ?? number(header.subarray(124, 136));
    const name = extended.name ?? headerName(header);
    const body = offset + BLOCK;
    if (body + size > file.size) throw truncated(path, name, body + size - file.size);
    if (type === "L") {
      extended.name = text(file.at(body, size));
    } else if (type === "x") {
      const { path: name, size: bytes } = paxRecords(utf8.decode(file.at(body, size)));
      if (name !== undefined) extended.name = name;
      if (bytes !== undefined) extended.size = Number(bytes);
    } else if (type !== "K" && type !== "g") { // a long link name or global records: the file is still to come
      if (type === "0" || type === "7") yield { name, offset: body, size };
      extended = {};
    }
    offset = body + Math.ceil(size / BLOCK) * BLOCK;
  }
}

function headerName(header: Uint8Array): string {
  const name = text(header.subarray(0, 100));
  // Only POSIX ustar ("ustar\0") has a prefix; GNU ("ustar ") keeps times there.
  const prefix = text(header.subarray(257, 263)) === "ustar" ? text(header.subarray(345, 500)) : "";
  return prefix ? `${prefix}/${name}` : name;
}

/** A field up to its first NUL. */
function text(field: Uint8Array): string {
  const end = field.indexOf(0);
  return utf8.decode(end < 0 ? field : field.subarray(0, end));
}

/** An octal number, or GNU's big-endian binary one, marked by the top bit. */
function number(field: Uint8Array): number {
  if (field[0] & 0x80) return field.subarray(1).reduce((value, byte) => value * 256 + byte, field[0] & 0x7f);
  return parseInt(text(field).trim() || "0", 8);
}

/** The records `length key=value\n` of a PAX header; lengths count bytes, but no value read here needs them. */
function paxRecords(records: string): Record<string, string> {
  return Object.fromEntries(
    [...records.matchAll(/^\d+ ([^=\n]+)=(.*)$/gm)].map(([, key, value]) => [key, value]),
  );
}

function checkSum(path: string, header: Uint8Array, offset: number): void {
  let sum = 8 * 0x20; // the checksum's own field counts as spaces
  for (let i = 0; i < BLOCK; i++) if (i < 148 || i >= 156) sum += header[i];
  if (sum === number(header.subarray(148, 156))) return;
  throw new UserError(
    `Cannot index ${path}: expected a tar header at byte ${offset}: its checksum does not match. The file is ` +
      `damaged, or not an uncompressed tar archive.`,
  );
}

function truncated(path: string, entry: string, missing: number): UserError {
  return new UserError(
    `Cannot index ${path}: it ends within ${entry}: ${missing} bytes are missing. Copy or download it again.`,
  );
}

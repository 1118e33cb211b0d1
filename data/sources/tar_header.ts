/**
 * The headers of a tar archive: ustar with prefixes, PAX headers (path, linkpath, size) and GNU long names and sizes
 * (POSIX.1-2017 pax; GNU tar manual, "Basic Tar Format").
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";

/** Bytes of a header; bodies are padded to a multiple of it. */
export const BLOCK = 512;
/** Longer names and PAX records are damaged. */
const MAX_EXTENSION_BYTES = 1 << 20;
const utf8 = new TextDecoder();

/** What a header describes. */
export interface TarHeader {
  name: string;
  /** Bytes of its body, without padding. */
  size: number;
  /** "extension" bodies are for {@linkcode TarHeaders.extend}; "other" are folders, devices and so on. */
  kind: TarKind | "extension" | "other";
  /** Of a link: the name of the entry that it leads to. */
  target?: string;
}

/** Kinds of entries that may be images. A sparse file is stored without its holes. */
export type TarKind = "file" | "hard link" | "symbolic link" | "sparse file";

const kinds: Record<string, TarKind> = {
  "0": "file",
  "7": "file",
  "1": "hard link",
  "2": "symbolic link",
  S: "sparse file",
};

/** Where a header of GNU's oldest sparse format, and a continuation of its list of parts, tell that one more follows. */
const SPARSE_MORE = 482, SPARSE_CONTINUED = 504;

/** What extension headers tell of the next entry. */
interface Extended {
  name?: string;
  target?: string;
  size?: number;
  sparse?: boolean;
}

/** Reads the headers of an archive in order. */
export class TarHeaders {
  #archive: string;
  #extension = "";
  #extended: Extended = {};
  /** The sparse file whose list of parts is being read. */
  #sparse: TarHeader | null = null;

  constructor(archive: string) {
    this.#archive = archive;
  }

  /** Whether an extension of the next file has been read. */
  get isExtended(): boolean {
    return this.#sparse !== null || Object.keys(this.#extended).length > 0;
  }

  /** The header in `block`, the bytes at `offset`; null for the end mark. Throws a UserError if it is not a header. */
  read(block: Uint8Array, offset: number): TarHeader | null {
    if (block.length < BLOCK) throw this.truncated(`a header at byte ${offset}`, BLOCK - block.length);
    if (this.#sparse) return this.#readSparse(this.#sparse, block[SPARSE_CONTINUED] !== 0);
    if (block.every((byte) => byte === 0)) return null;
    if (checkSum(block) !== number(block.subarray(148, 156))) {
      throw this.#damaged(`the checksum of the tar header at byte ${offset} does not match`);
    }
    const type = String.fromCharCode(block[156] || 0x30);
    const isAhead = /[LKxg]/.test(type); // it describes the file that follows
    const { name = headerName(block), target = text(block.subarray(157, 257)), sparse = false } =
      this.#extended;
    // Links, devices and folders have no body; some programs write the size of what is elsewhere.
    const hasBody = !/[1-6]/.test(type);
    const size = !hasBody
      ? 0
      : (isAhead ? undefined : this.#extended.size) ?? number(block.subarray(124, 136));
    if (!Number.isSafeInteger(size) || size < 0) {
      throw this.#damaged(`the size of "${name}" in the tar header at byte ${offset} is not a number`);
    }
    if (/[LKx]/.test(type)) {
      if (size > MAX_EXTENSION_BYTES) {
        throw this.#damaged(`the tar header at byte ${offset} announces a name of ${size} bytes`);
      }
      this.#extension = type;
      return { name, size, kind: "extension" };
    }
    if (isAhead) return { name, size, kind: "other" }; // global records
    this.#extended = {};
    const kind = kinds[type] ?? "other";
    if (kind.endsWith("link")) return { name, size, kind, target };
    if (type === "S") return this.#readSparse({ name, size, kind }, block[SPARSE_MORE] !== 0);
    return { name, size, kind: kind === "file" && sparse ? "sparse file" : kind };
  }

  /** The header of a sparse file, or an empty extension in its place while its list of parts continues. */
  #readSparse(header: TarHeader, continues: boolean): TarHeader {
    this.#sparse = continues ? header : null;
    return continues ? { ...header, size: 0, kind: "other" } : header;
  }

  /**
   * What a block behind the end mark is: more zeros, a header, as archives that were written one behind another have it, or
   * anything else.
   */
  behindEnd(block: Uint8Array): "zeros" | "header" | "other" {
    if (block.every((byte) => byte === 0)) return "zeros";
    return block.length === BLOCK && checkSum(block) === number(block.subarray(148, 156))
      ? "header"
      : "other";
  }

  /** Applies the body of an extension to the next file. */
  extend(body: Uint8Array): void {
    if (this.#extension === "L") this.#extended.name = text(body);
    else if (this.#extension === "K") this.#extended.target = text(body);
    else {
      const records = paxRecords(body),
        sparse = Object.keys(records).some((key) => key.startsWith("GNU.sparse."));
      const { linkpath: target, size } = records, name = records["GNU.sparse.name"] ?? records.path;
      if (name !== undefined) this.#extended.name = name;
      if (target !== undefined) this.#extended.target = target;
      if (size !== undefined) this.#extended.size = Number(size);
      if (sparse) this.#extended.sparse = true;
    }
  }

  /** The error for an archive that ends within `what`. */
  truncated(what: string, missing: number): UserError {
    return new UserError(
      `Cannot read "${this.#archive}": it ends within ${what}, and ${missing} bytes are missing. Copy or download it again.`,
    );
  }

  #damaged(fact: string): UserError {
    return new UserError(
      `Cannot read "${this.#archive}": ${fact}. The file is damaged, or not an uncompressed tar archive. Copy or download ` +
        `it again.`,
    );
  }
}

/** Bytes of padding after a body of `size` bytes. */
export function padding(size: number): number {
  return (BLOCK - size % BLOCK) % BLOCK;
}

function headerName(header: Uint8Array): string {
  const name = text(header.subarray(0, 100));
  // Only POSIX ustar ("ustar\0") has a prefix; GNU ("ustar ") stores times there.
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

/** The records `length key=value\n` of a PAX header. The lengths are not needed for the values read here. */
function paxRecords(body: Uint8Array): Record<string, string> {
  return Object.fromEntries(
    [...utf8.decode(body).matchAll(/^\d+ ([^=\n]+)=(.*)$/gm)].map(([, key, value]) => [key, value]),
  );
}

function checkSum(header: Uint8Array): number {
  let sum = 8 * 0x20; // the checksum's own field counts as spaces
  for (let i = 0; i < BLOCK; i++) if (i < 148 || i >= 156) sum += header[i];
  return sum;
}

/**
 * The contents of entries of zip archives.
 *
 * @module
 */
import { constants, crc32, inflateRaw, inflateRawSync, zstdDecompress } from "node:zlib";
import { messageOf } from "../../src/base/errors.ts";
import { checkEncodedSize } from "../file_range.ts";
import type { RandomAccess } from "./random_access.ts";
import type { ZipEntry } from "./zip_directory_entry.ts";

const STORED = 0, DEFLATED = 8, ZSTD = 93;

/** What else may be written in an entry. */
const METHODS: Record<number, string> = {
  1: "Shrink",
  6: "Implode",
  9: "Deflate64",
  12: "bzip2",
  14: "LZMA",
  95: "XZ",
  96: "JPEG",
  97: "WavPack",
  98: "PPMd",
  99: "AES",
};

/** Why an entry cannot be read, whatever its content; null if it can. */
export function unreadableEntry({ method, encrypted }: ZipEntry): string | null {
  if (encrypted || METHODS[method] === "AES") return "encrypted";
  if (method === STORED || method === DEFLATED || method === ZSTD) return null;
  return `compressed by ${METHODS[method] ?? `method ${method}`}: extract the archive`;
}

/** What is needed to read an entry. */
export type EntryPlace = Pick<ZipEntry, "method" | "crc" | "compressedSize" | "size" | "offset">;

/** The largest ratio of deflate; an entry that claims more is damaged. */
const DEFLATE_RATIO = 1032;

/** The content of an entry. Throws an Error if it is damaged. */
export async function readEntry(file: RandomAccess, entry: EntryPlace): Promise<Uint8Array> {
  const { method, compressedSize, size, crc } = entry;
  checkEncodedSize(size);
  if (method !== ZSTD && size > DEFLATE_RATIO * (compressedSize + 1)) {
    throw damaged(`it claims to unpack ${compressedSize} bytes to ${size}`);
  }
  const bytes = await packedBytes(file, entry, compressedSize);
  if (bytes.length !== compressedSize) throw damaged(`${compressedSize - bytes.length} bytes are missing`);
  const content = await unpacked(bytes, { method, size });
  if (content.length !== size) throw damaged(`expected ${size} bytes, found ${content.length}`);
  if (crc32(content) !== crc) throw damaged("its checksum does not match");
  return content;
}

/** The first bytes of an entry, about as many as `length`. */
export async function readEntryHead(
  file: RandomAccess,
  entry: EntryPlace,
  length: number,
): Promise<Uint8Array> {
  // Deflate may begin with the table of its codes.
  const bytes = await packedBytes(file, entry, Math.min(entry.compressedSize, length + 1024));
  if (entry.method === STORED) return bytes.subarray(0, length);
  if (entry.method === ZSTD) return (await readEntry(file, entry)).subarray(0, length);
  return inflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, length);
}

function damaged(fact: string, cause?: unknown): Error {
  return new Error(`its entry in the archive is damaged: ${fact}`, { cause });
}

const LOCAL_HEADER = 30, SIGNATURE = 0x04034b50;

/** Names and extra fields are rarely longer than this. If they are, there is a second reading. */
const USUAL_NAMES = 200;

/** The first `length` bytes of an entry as they are stored; fewer if the file ends before. */
async function packedBytes(file: RandomAccess, { offset }: EntryPlace, length: number): Promise<Uint8Array> {
  const read = (from: number, length: number) =>
    file.read(from, Math.max(0, Math.min(length, file.size - from)));
  const bytes = offset < file.size
    ? await read(offset, LOCAL_HEADER + USUAL_NAMES + length)
    : new Uint8Array(0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < LOCAL_HEADER || view.getUint32(0, true) !== SIGNATURE) {
    throw damaged(`there is no entry at byte ${offset}`);
  }
  const begin = LOCAL_HEADER + view.getUint16(26, true) + view.getUint16(28, true);
  if (begin + length <= bytes.length) return bytes.subarray(begin, begin + length);
  return offset + begin < file.size ? await read(offset + begin, length) : new Uint8Array(0);
}

function unpacked(
  bytes: Uint8Array,
  { method, size }: { method: number; size: number },
): Promise<Uint8Array> {
  if (method === STORED) return Promise.resolve(bytes);
  const options = { maxOutputLength: Math.max(1, size) };
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, content: Uint8Array) => {
      if (error) reject(damaged(messageOf(error) || "it cannot be unpacked", error));
      else resolve(content);
    };
    if (method === ZSTD) zstdDecompress(bytes, options, done);
    else inflateRaw(bytes, options, done);
  });
}

/**
 * The list of entries at the end of a zip archive (PKWARE's APPNOTE.TXT 6.3, sections 4.3.12 to 4.3.16).
 *
 * It is read in pieces, so that an archive of a million entries needs no memory for those that are not images.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import type { RandomAccess } from "./random_access.ts";
import { type ZipEntry, zipEntryAt } from "./zip_directory_entry.ts";

const END = 0x06054b50, END_SIZE = 22, MAX_COMMENT = 0xffff;
const LOCATOR64 = 0x07064b50, LOCATOR64_SIZE = 20;
const END64 = 0x06064b50, END64_SIZE = 56;

/** Bytes of the list that are read at a time. An entry has at most 46 + 3 · 65535 bytes. */
const PIECE = 1 << 20;

/** Where the list of entries lies. */
interface Directory {
  start: number;
  end: number;
  /** Bytes before the archive, as in self-extracting ones: they count in no offset. */
  shift: number;
  /** How many entries it has; a multiple of 65,536 may be missing. */
  count: number;
}

/**
 * The entries of the archive `file`, some thousands at a time, in the order of its list.
 *
 * @throws {UserError} if the file is no zip archive, is a part of one, or its list is damaged.
 */
export async function* zipEntries(file: RandomAccess): AsyncGenerator<ZipEntry[]> {
  const { start, end, shift, count } = await directoryOf(file);
  let found = 0;
  for (let at = start; at < end;) {
    const length = Math.min(PIECE, end - at), bytes = await file.read(at, length), entries: ZipEntry[] = [];
    let used = 0;
    for (let next; (next = zipEntryAt(bytes, used)); used = next.end) {
      entries.push({ ...next.entry, offset: next.entry.offset + shift });
    }
    found += entries.length;
    yield entries;
    if (used === 0) break; // damaged, or what follows the entries is a signature of the list
    at += used;
  }
  if (found % 65536 !== count % 65536) {
    throw damaged(file, `its list of entries should have ${count} entries, but ends after ${found}`);
  }
}

function damaged(file: RandomAccess, fact: string): UserError {
  return new UserError(
    `Cannot read "${file.name}": ${fact}. It is damaged, truncated, or not a zip archive. Copy or download it again.`,
  );
}

async function directoryOf(file: RandomAccess): Promise<Directory> {
  const tailSize = Math.min(file.size, END_SIZE + MAX_COMMENT + LOCATOR64_SIZE);
  const tailStart = file.size - tailSize, tail = viewOf(await file.read(tailStart, tailSize));
  const at = endRecordIn(tail);
  if (at === null) throw damaged(file, "it has no list of entries at its end");
  const field = (offset: number) => tail.getUint16(at + offset, true);
  const number = (offset: number) => tail.getUint32(at + offset, true);
  const end = await end64(file, { tail, at, tailStart }) ??
    { disk: field(4), count: field(10), size: number(12), offset: number(16), position: tailStart + at };
  if (end.disk !== 0 && end.disk !== 0xffff || field(6) !== 0 && field(6) !== 0xffff) {
    throw new UserError(
      `Cannot read "${file.name}": it is one part of an archive of several. Join them first, as by ` +
        `"zip -s 0 parts.zip --out whole.zip".`,
    );
  }
  const { count, size, offset, position } = end, start = position - size;
  if (start < 0 || offset > start) throw damaged(file, `its list of entries should begin at byte ${offset}`);
  return { start, end: position, shift: start - offset, count };
}

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array) =>
  new DataView(buffer, byteOffset, byteLength);

/** Where the last record lies in the last bytes of a file. Its comment reaches to the end, or bytes were appended. */
function endRecordIn(tail: DataView): number | null {
  let inside: number | null = null;
  for (let at = tail.byteLength - END_SIZE; at >= 0; at--) {
    if (tail.getUint32(at, true) !== END) continue;
    const end = at + END_SIZE + tail.getUint16(at + 20, true);
    if (end === tail.byteLength) return at;
    if (end < tail.byteLength) inside ??= at;
  }
  return inside;
}

/** What the record for large archives says; null if there is none. */
async function end64(
  file: RandomAccess,
  { tail, at, tailStart }: { tail: DataView; at: number; tailStart: number },
): Promise<{ disk: number; count: number; size: number; offset: number; position: number } | null> {
  const locator = at - LOCATOR64_SIZE;
  if (locator < 0 || tail.getUint32(locator, true) !== LOCATOR64) return null;
  const told = Number(tail.getBigUint64(locator + 8, true));
  // Bytes before the archive shift it; then it lies before its locator, where most archives have it.
  for (const position of [told, tailStart + locator - END64_SIZE]) {
    if (position < 0 || position + END64_SIZE > file.size) continue;
    const record = viewOf(await file.read(position, END64_SIZE));
    if (record.getUint32(0, true) !== END64) continue;
    const number = (offset: number) => Number(record.getBigUint64(offset, true));
    return {
      disk: record.getUint32(16, true),
      count: number(32),
      size: number(40),
      offset: number(48),
      position,
    };
  }
  throw damaged(file, "its record for large archives is not where it should be");
}

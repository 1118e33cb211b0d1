/**
 * An IDX file: two zero bytes, the type of the numbers, the number of dimensions, the dimensions in 32 bits, the numbers; all
 * big-endian. It may be compressed by gzip, and is then kept unpacked in memory.
 *
 * @module
 */
import { concatBytes } from "../../src/base/bytes.ts";
import { UserError } from "../../src/base/errors.ts";
import { fileBytes } from "./bytes.ts";
import { compressionOf, MAGIC_BYTES, unpacked } from "./compression.ts";
import { localFile, type RandomAccess } from "./random_access.ts";

/** The numbers of an IDX file. */
export interface IdxFile {
  /** The file, unpacked. */
  file: RandomAccess;
  /** The dimensions, the slowest first. */
  sizes: number[];
  /** Where the numbers begin. */
  start: number;
  /** Bytes of a number: 1 for unsigned bytes, 4 for signed integers. */
  width: 1 | 4;
}

/** The bytes of a number by the type in the header. */
const WIDTHS: Record<number, 1 | 4> = { 8: 1, 12: 4 };

/** A larger file must be unpacked on disk: 1 GiB. */
const MAX_UNPACKED = 2 ** 30;

/** Opens the file at `path`. Throws a UserError if it is damaged, or has fewer dimensions. */
export async function openIdxFile(path: string, { dimensions }: { dimensions: number }): Promise<IdxFile> {
  const file = await unpackedFile(path), header = await file.read(0, Math.min(file.size, 4 + 4 * 255));
  const [zero0, zero1, type, found] = header, view = new DataView(header.buffer);
  const start = 4 + 4 * found, width = WIDTHS[type];
  if (
    header.length < 4 || zero0 !== 0 || zero1 !== 0 || width === undefined || found < dimensions ||
    header.length < start
  ) {
    throw damagedIdx(
      path,
      `it does not begin with the header of ${dimensions} or more dimensions of whole numbers`,
    );
  }
  const sizes = Array.from({ length: found }, (_, i) => view.getUint32(4 + 4 * i));
  const expected = start + width * sizes.reduce((product, size) => product * size, 1);
  if (file.size !== expected) {
    throw damagedIdx(path, `it has ${file.size} bytes, and its header says ${expected}`);
  }
  if (sizes.includes(0)) throw damagedIdx(path, `it is empty: ${sizes.join(" × ")} numbers`);
  return { file, sizes, start, width };
}

/** The error for a file with a defect. */
export function damagedIdx(path: string, fact: string): UserError {
  return new UserError(
    `Cannot read "${path}": ${fact}. It is damaged, truncated, or no IDX file. Copy or download it again.`,
  );
}

async function unpackedFile(path: string): Promise<RandomAccess> {
  const file = await localFile(path);
  const head = await file.read(0, Math.min(MAGIC_BYTES, file.size));
  if (compressionOf(head) === null) return file;
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of unpacked(path, fileBytes(path))) {
    parts.push(part);
    if ((size += part.length) <= MAX_UNPACKED) continue;
    throw new UserError(
      `Cannot read "${path}": unpacked it has more than ${MAX_UNPACKED} bytes, which are kept in memory. Unpack it by gunzip.`,
    );
  }
  const bytes = concatBytes(parts);
  return {
    name: path,
    size,
    read: (offset, length) => Promise.resolve(bytes.slice(offset, offset + length)),
  };
}

/**
 * The records of an event file, which is a TFRecord file: for each record its length as a uint64, the checksum of these 8
 * bytes, the data and the checksum of the data, all little-endian.
 *
 * @module
 */
import crc32c from "npm:crc-32@1.2.2/crc32c.js";

const HEAD = 12, TAIL = 4;

/** CRC-32C, rotated and shifted by a constant: a checksum of data that holds checksums is weak otherwise. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c.buf(bytes) >>> 0;
  return ((crc >>> 15 | crc << 17) + 0xa282ead8) >>> 0;
}

/** `data` as a record. */
export function recordOf(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const record = new Uint8Array(HEAD + data.length + TAIL), view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(record.subarray(0, 8)), true);
  record.set(data, HEAD);
  view.setUint32(HEAD + data.length, maskedCrc(data), true);
  return record;
}

/** The data of a record, and where it starts in its file. */
export interface RecordAt {
  start: number;
  data: Uint8Array;
}

/**
 * The records of `file`, from its start, up to the first that is partial or damaged, one in memory at a time.
 *
 * @returns where that one starts, or the end of the file.
 */
export function* recordsIn(file: Deno.FsFile): Generator<RecordAt, number> {
  const { size } = file.statSync();
  file.seekSync(0, Deno.SeekMode.Start);
  for (let start = 0;;) {
    if (start + HEAD > size) return start;
    const head = readExactly(file, HEAD), view = new DataView(head.buffer);
    const length = Number(view.getBigUint64(0, true)), end = start + HEAD + length + TAIL;
    if (view.getUint32(8, true) !== maskedCrc(head.subarray(0, 8)) || end > size) return start;
    const rest = readExactly(file, length + TAIL), data = rest.subarray(0, length);
    if (new DataView(rest.buffer).getUint32(length, true) !== maskedCrc(data)) return start;
    yield { start, data };
    start = end;
  }
}

function readExactly(file: Deno.FsFile, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let read = 0; read < length;) {
    const count = file.readSync(bytes.subarray(read));
    if (count === null) throw new Deno.errors.UnexpectedEof("the file became shorter while it was read");
    read += count;
  }
  return bytes;
}

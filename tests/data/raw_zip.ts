/** Zip archives written byte by byte, with what libraries do not write: other methods, unsafe names, records of 64 bits. */
import { crc32, deflateRawSync } from "node:zlib";
import { concatBytes } from "../../src/base/bytes.ts";

/** An entry of an archive. */
export interface RawEntry {
  name: string | Uint8Array;
  content: Uint8Array | string;
  /** The method of compression. Default: 0, which is none. */
  method?: number;
  /** The compressed content. Default: the content, deflated for method 8. */
  packed?: Uint8Array;
  /** The general purpose bits. Default: UTF-8 names. */
  flags?: number;
  /** Unix permissions and type, in 16 bits. */
  mode?: number;
  /** Fields behind the name in the list. */
  extra?: Uint8Array;
  /** Whether its sizes and offset are written in 64 bits. */
  large?: boolean;
}

/** Little-endian numbers, each with its bytes. */
function numbers(...fields: [value: number, bytes: 2 | 4 | 8][]): Uint8Array {
  return concatBytes(fields.map(([value, bytes]) => {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, BigInt(value), true);
    return new Uint8Array(view.buffer, 0, bytes);
  }));
}

const bytesOf = (text: Uint8Array | string) =>
  typeof text === "string" ? new TextEncoder().encode(text) : text;

/** An archive of `entries`. `large` writes records of 64 bits, `before` and `comment` come before and after it. */
export function rawZip(
  entries: readonly RawEntry[],
  { large = false, before = "", comment = "", disk = 0, count = entries.length }: {
    large?: boolean;
    before?: string;
    comment?: string;
    disk?: number;
    count?: number;
  } = {},
): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [], list: Uint8Array[] = [];
  let offset = 0;
  const sizeOf = (all: Uint8Array[]) => all.reduce((sum, { length }) => sum + length, 0);
  for (
    const { method = 0, flags = 1 << 11, mode = 0o100644, extra = new Uint8Array(0), ...entry } of entries
  ) {
    const name = bytesOf(entry.name), content = bytesOf(entry.content);
    const packed = entry.packed ?? (method === 8 ? deflateRawSync(content) : content);
    const sizes: [number, 2 | 4 | 8][] = [[packed.length, 4], [content.length, 4]];
    const common: [number, 2 | 4 | 8][] = [[flags, 2], [method, 2], [0, 4], [crc32(content), 4]];
    parts.push(
      numbers([0x04034b50, 4], [20, 2], ...common, ...sizes, [name.length, 2], [0, 2]),
      name,
      packed,
    );
    const longs = entry.large
      ? numbers([1, 2], [24, 2], [content.length, 8], [packed.length, 8], [offset, 8])
      : new Uint8Array(0);
    const all = 0xffffffff, fields = concatBytes([extra, longs]);
    list.push(
      numbers(
        [0x02014b50, 4],
        [(3 << 8) + 20, 2],
        [20, 2],
        ...common,
        ...(entry.large ? [[all, 4], [all, 4]] as [number, 4][] : sizes),
        [name.length, 2],
        [fields.length, 2],
        [0, 2],
        [0, 2],
        [0, 2],
        [mode * 65536, 4],
        [entry.large ? all : offset, 4],
      ),
      name,
      fields,
    );
    offset = sizeOf(parts);
  }
  const size = sizeOf(list), end: Uint8Array[] = [];
  if (large) {
    end.push(
      numbers([0x06064b50, 4], [44, 8], [45, 2], [45, 2], [0, 4], [0, 4], [count, 8], [count, 8], [size, 8], [
        offset,
        8,
      ]),
    );
    end.push(numbers([0x07064b50, 4], [0, 4], [offset + size, 8], [1, 4]));
  }
  const told = large ? [0xffff, 0xffffffff, 0xffffffff] : [count % 65536, size, offset];
  end.push(
    numbers([0x06054b50, 4], [disk, 2], [disk, 2], [told[0], 2], [told[0], 2], [told[1], 4], [told[2], 4], [
      comment.length,
      2,
    ]),
    bytesOf(comment),
  );
  return concatBytes([bytesOf(before), ...parts, ...list, ...end]);
}

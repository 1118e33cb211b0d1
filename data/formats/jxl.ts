/**
 * JPEG XL, decoded by libjxl.
 *
 * @module
 */
import { concatBytes } from "../../src/base/bytes.ts";
import { ascii, checkSize, type Format, type Pixels, viewOf } from "./format.ts";
import { orTooLarge, reusable } from "./reusable.ts";

/** The part of the WebAssembly module that is used here. */
interface Libjxl {
  decode(bytes: Uint8Array): Pixels | null;
}

const silent = () => {};
const withLibjxl = reusable(async (): Promise<Libjxl> => {
  const { default: createLibjxl } = await import("npm:@jsquash/jxl@1.3.0/codec/dec/jxl_dec.js");
  return await createLibjxl({ noInitialRun: true, print: silent, printErr: silent }) as Libjxl;
});

/** JPEG XL, bare or in a container; also a JPEG recompressed without loss. */
export const jxl: Format = {
  name: "JPEG XL",
  readHeader(bytes) {
    const { width, height } = readSize(codestream(bytes));
    checkSize(width, height);
    return {
      width,
      height,
      async decode() {
        const pixels = await withLibjxl(width * height, (libjxl) => libjxl.decode(bytes));
        if (!pixels) throw new Error(`it is a damaged or truncated JPEG XL${orTooLarge(width * height)}`);
        return pixels;
      },
    };
  },
};

/** Where the image begins: in a container, its first box of codestream (ISO/IEC 18181-2, 9). */
function codestream(bytes: Uint8Array): Uint8Array {
  if (bytes[0] === 0xff) return bytes.subarray(2);
  const view = viewOf(bytes), parts: Uint8Array[] = [];
  for (let at = 12; at + 8 <= bytes.length;) {
    const kind = ascii(bytes, at + 4);
    let size = view.getUint32(at), head = 8;
    if (size === 1 && at + 16 <= bytes.length) [size, head] = [Number(view.getBigUint64(at + 8)), 16];
    else if (size === 0) size = bytes.length - at; // to the end
    if (size < head) throw new Error("it is a damaged JPEG XL: a box is too short");
    if (at + size > bytes.length) throw new Error("it is a truncated JPEG XL: it ends within a box");
    if (kind === "jxlc") parts.push(bytes.subarray(at + head, at + size));
    if (kind === "jxlp") parts.push(bytes.subarray(at + head + 4, at + size)); // after its number
    at += size;
  }
  const stream = concatBytes(parts.map((part) => part.subarray(0, 64))); // the size lies in its first bytes
  if (ascii(stream, 0, 2) !== "\xff\x0a") throw new Error("it is a damaged JPEG XL: it has no image");
  return stream.subarray(2);
}

/** Widths for a height, where the header gives only the ratio. */
const RATIOS = [[0, 1], [1, 1], [12, 10], [4, 3], [3, 2], [16, 9], [5, 4], [2, 1]];

/** The size of the upright image (ISO/IEC 18181-1, SizeHeader and ImageMetadata). */
function readSize(stream: Uint8Array): { width: number; height: number } {
  let at = 0;
  /** The next `count` bits, the lowest first. */
  const bits = (count: number) => {
    let value = 0;
    for (let i = 0; i < count; i++, at++) {
      if (at >> 3 >= stream.length) throw new Error("it is a truncated JPEG XL: it ends within its header");
      if (stream[at >> 3] >> (at & 7) & 1) value += 2 ** i;
    }
    return value;
  };
  const isSmall = bits(1) === 1;
  const side = () => isSmall ? 8 * (bits(5) + 1) : bits([9, 13, 18, 30][bits(2)]) + 1;
  const height = side(), [numerator, denominator] = RATIOS[bits(3)];
  const width = numerator === 0 ? side() : Math.floor(height * numerator / denominator);
  const hasDefaults = bits(1) === 1, hasExtraFields = !hasDefaults && bits(1) === 1;
  const orientation = hasExtraFields ? 1 + bits(3) : 1;
  return orientation >= 5 ? { width: height, height: width } : { width, height }; // libjxl turns the image itself
}

/**
 * GIF, whose first frame imagescript decodes.
 *
 * @module
 */
import { concatBytes } from "../../src/base/bytes.ts";
import { onCanvas } from "./canvas.ts";
import { checkSize, type Format, viewOf } from "./format.ts";
import { reusable } from "./reusable.ts";

/** The first bytes of blocks, and the label of an extension. */
const IMAGE = 0x2c, EXTENSION = 0x21, TRAILER = 0x3b, GRAPHIC_CONTROL = 0xf9;

/** Bytes of a color table, by the flags that declare it. */
const tableBytes = (flags: number) => flags & 0x80 ? 3 << ((flags & 7) + 1) : 0;

const withDecoder = reusable(async () => {
  const { default: gif } = await import("npm:imagescript@1.3.1/wasm/node/gif.js");
  return await gif.init();
});

/**
 * GIF, 87a and 89a. As in Pillow and browsers, the canvas grows to hold a first frame that exceeds it. Pixels outside the
 * frame are transparent, as in browsers; Pillow gives them the first color unless a color is transparent.
 */
export const gif: Format = {
  name: "GIF",
  readHeader(bytes) {
    const frame = firstFrame(bytes), view = viewOf(bytes);
    checkSize(frame.width, frame.height, "its first frame");
    const width = Math.max(view.getUint16(6, true), frame.left + frame.width);
    const height = Math.max(view.getUint16(8, true), frame.top + frame.height);
    return {
      width,
      height,
      async decode() {
        const pixels = await withDecoder(width * height, ({ Decoder }) => {
          const decoder = new Decoder(plainGif(bytes, frame)), decoded = decoder.frame();
          decoder.free();
          if (decoded?.width !== frame.width || decoded.height !== frame.height) {
            throw new Error("another size");
          }
          return { width: frame.width, height: frame.height, data: decoded.buffer };
        });
        if (!pixels) throw new Error("it is a damaged GIF"); // the decoder gives no details
        return onCanvas({ pixels, ...frame }, { width, height });
      },
    };
  },
};

/** The first frame, and its bytes. */
interface Frame {
  left: number;
  top: number;
  width: number;
  height: number;
  /** Its descriptor, local colors and data. */
  image: Uint8Array;
  /** The four values of its graphic control, which may declare a color as transparent; empty if there is none. */
  control: Uint8Array;
}

/** Finds the first frame, and checks that its data are complete (GIF 89a specification, 15 … 26). */
function firstFrame(bytes: Uint8Array): Frame {
  const view = viewOf(bytes);
  /** The byte after the sub-blocks that begin at `at`; it may lie beyond the file. */
  const skip = (at: number) => {
    while (bytes[at] > 0) at += 1 + bytes[at];
    return at + 1;
  };
  const within = (at: number, what: string) => {
    if (at > bytes.length) throw new Error(`it is a truncated GIF: it ends within its ${what}`);
  };
  within(13, "header");
  let at = 13 + tableBytes(bytes[10]);
  let control: Uint8Array = new Uint8Array();
  // Zeros between blocks are the ends of empty sub-blocks that were written twice.
  while (bytes[at] === EXTENSION || bytes[at] === 0) {
    const end = bytes[at] === 0 ? at + 1 : skip(at + 2);
    const isControl = bytes[at] === EXTENSION && bytes[at + 1] === GRAPHIC_CONTROL && bytes[at + 2] >= 4;
    if (isControl) control = bytes.subarray(at + 3, at + 7);
    at = end;
  }
  within(at + 1, "header");
  if (bytes[at] === TRAILER) throw new Error("it is a GIF without an image");
  if (bytes[at] !== IMAGE) throw new Error(`it is a damaged GIF: there is no block at byte ${at}`);
  within(at + 10, "first frame");
  const end = skip(at + 11 + tableBytes(bytes[at + 9]));
  within(end, "first frame");
  const [left, top, width, height] = [1, 3, 5, 7].map((offset) => view.getUint16(at + offset, true));
  return { left, top, width, height, image: bytes.subarray(at, end), control };
}

/**
 * A GIF of the header and colors of `bytes` and its first frame: the decoder stumbles over extensions that others skip.
 * Like Pillow, it shows a file without colors in grays.
 */
function plainGif(bytes: Uint8Array, { image, control }: Frame): Uint8Array {
  const head = bytes.slice(0, 13 + tableBytes(bytes[10]));
  const hasColors = head.length > 13 || tableBytes(image[9]) > 0;
  if (!hasColors) head[10] |= 0x87; // 256 colors
  return concatBytes([
    head,
    hasColors ? new Uint8Array() : Uint8Array.from({ length: 768 }, (_, i) => i / 3),
    control.length ? new Uint8Array([EXTENSION, GRAPHIC_CONTROL, 4, ...control, 0]) : control,
    image,
    new Uint8Array([TRAILER]),
  ]);
}

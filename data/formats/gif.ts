/**
 * GIF, whose first frame imagescript decodes.
 *
 * @module
 */
import { onCanvas } from "./canvas.ts";
import { checkSize, type Format, viewOf } from "./format.ts";
import { reusable } from "./reusable.ts";

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
          const decoder = new Decoder(bytes), decoded = decoder.frame();
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

/** Finds the first frame, and checks that its data are complete (GIF 89a specification, 15 … 26). */
function firstFrame(bytes: Uint8Array): { left: number; top: number; width: number; height: number } {
  const view = viewOf(bytes);
  const tableBytes = (flags: number) => flags & 0x80 ? 3 << ((flags & 7) + 1) : 0;
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
  while (bytes[at] === 0x21) at = skip(at + 2);
  within(at + 1, "header");
  if (bytes[at] === 0x3b) throw new Error("it is a GIF without an image");
  if (bytes[at] !== 0x2c) throw new Error(`it is a damaged GIF: there is no block at byte ${at}`);
  within(at + 10, "first frame");
  within(skip(at + 11 + tableBytes(bytes[at + 9])), "first frame");
  const [left, top, width, height] = [1, 3, 5, 7].map((offset) => view.getUint16(at + offset, true));
  return { left, top, width, height };
}

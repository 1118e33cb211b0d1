/**
 * Netpbm's P6: a text header, then RGB bytes.
 *
 * @module
 */
import { ascii, type Format } from "./format.ts";

const GAP = String.raw`(?:\s|#[^\n\r]*[\n\r])+`;
const HEADER = new RegExp(String.raw`^P6${GAP}(\d{1,9})${GAP}(\d{1,9})${GAP}(\d{1,9})\s`);

/** PPM with 8-bit samples; comments are allowed in its header. */
export const ppm: Format = {
  name: "PPM",
  matches: (bytes) => ascii(bytes, 0, 2) === "P6",
  readHeader(bytes) {
    const match = HEADER.exec(ascii(bytes, 0, 1024));
    if (!match) throw new Error("it is a damaged PPM: width, height and 255 must follow P6");
    const [width, height, top] = match.slice(1).map(Number), start = match[0].length;
    if (top !== 255) throw new Error(`it is a PPM with samples up to ${top}: only 255 is supported`);
    const missing = 3 * width * height - (bytes.length - start);
    return {
      width,
      height,
      decode() {
        if (missing > 0) throw new Error(`it is a truncated PPM: ${missing} bytes are missing`);
        const data = new Uint8Array(4 * width * height);
        for (let i = start, o = 0; o < data.length; i += 3, o += 4) {
          data[o] = bytes[i];
          data[o + 1] = bytes[i + 1];
          data[o + 2] = bytes[i + 2];
          data[o + 3] = 255;
        }
        return { width, height, data };
      },
    };
  },
};

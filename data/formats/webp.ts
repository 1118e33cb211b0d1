/**
 * WebP, decoded by libwebp; of an animation the first frame.
 *
 * @module
 */
import { concatBytes } from "../../src/base/bytes.ts";
import { ascii, checkSize, type Format, type Pixels, viewOf } from "./format.ts";
import { exifOrientation } from "./orientation.ts";
import { onCanvas } from "./canvas.ts";
import { reusable } from "./reusable.ts";

/** The part of the WebAssembly module that is used here. */
interface Libwebp {
  decode(bytes: Uint8Array): Pixels | null;
}

const silent = () => {};
const withLibwebp = reusable(async (): Promise<Libwebp> => {
  const { default: createLibwebp } = await import("npm:@jsquash/webp@1.5.0/codec/dec/webp_dec.js");
  return await createLibwebp({ noInitialRun: true, print: silent, printErr: silent });
});

/** WebP: lossy, lossless, transparent, animated (WebP container specification; RFC 6386, 9.1). */
export const webp: Format = {
  name: "WebP",
  readHeader(bytes) {
    const view = viewOf(bytes);
    const length = bytes.length < 30 ? Infinity : view.getUint32(4, true) + 8;
    if (length > bytes.length) throw new Error("it is a truncated WebP");
    const chunks = readChunks(bytes.subarray(12, length));
    const extended = chunks.get("VP8X"), exif = chunks.get("EXIF"), animated = chunks.get("ANMF");
    const size = extended ? canvasSize(extended) : pictureSize(chunks);
    checkSize(size.width, size.height);
    return {
      ...size,
      orientation: exif && exifOrientation(exif),
      decode: async () =>
        animated ? onCanvas(await decodeFrame(animated), size) : await decodeStill(bytes, chunks, size),
    };
  },
};

/** The first chunk of each kind. */
function readChunks(bytes: Uint8Array): Map<string, Uint8Array> {
  const view = viewOf(bytes), chunks = new Map<string, Uint8Array>();
  for (let at = 0; at + 8 <= bytes.length;) {
    const kind = ascii(bytes, at), end = at + 8 + view.getUint32(at + 4, true);
    if (end > bytes.length) {
      throw new Error(`it is a truncated WebP: it ends within its ${printable(kind)} chunk`);
    }
    if (!chunks.has(kind)) chunks.set(kind, bytes.subarray(at + 8, end));
    at = end + (end - at) % 2;
  }
  return chunks;
}

const printable = (kind: string) => /^[\x20-\x7e]{4}$/.test(kind) ? kind.trimEnd() : "next";

function canvasSize(extended: Uint8Array): { width: number; height: number } {
  if (extended.length < 10) throw new Error("it is a damaged WebP: its header is too short");
  const view = viewOf(extended);
  return { width: 1 + (view.getUint32(4, true) & 0xffffff), height: 1 + (view.getUint32(6, true) >>> 8) };
}

/** The size in the header of the image data. */
function pictureSize(chunks: Map<string, Uint8Array>): { width: number; height: number } {
  const lossy = chunks.get("VP8 "), lossless = chunks.get("VP8L");
  if (lossy && lossy.length >= 10) {
    const view = viewOf(lossy);
    return { width: view.getUint16(6, true) & 0x3fff, height: view.getUint16(8, true) & 0x3fff };
  }
  if (lossless && lossless.length >= 5) {
    const bits = viewOf(lossless).getUint32(1, true);
    return { width: 1 + (bits & 0x3fff), height: 1 + (bits >>> 14 & 0x3fff) };
  }
  throw new Error("it is a damaged WebP: it has no image data");
}

/** Decodes `bytes`, whose chunks are `chunks`, if the image data have the expected size: libwebp allocates that size. */
async function decodeStill(
  bytes: Uint8Array,
  chunks: Map<string, Uint8Array>,
  { width, height }: { width: number; height: number },
): Promise<Pixels> {
  const picture = pictureSize(chunks);
  if (picture.width !== width || picture.height !== height) {
    throw new Error(
      `it is a damaged WebP: its image data have ${picture.width}×${picture.height} pixels, its header says ` +
        `${width}×${height}`,
    );
  }
  const pixels = await withLibwebp(width * height, (libwebp) => libwebp.decode(bytes));
  if (!pixels) throw new Error("it is a damaged WebP");
  return pixels;
}

/** Decodes an ANMF chunk by wrapping it as a file of its own. */
async function decodeFrame(frame: Uint8Array): Promise<{ pixels: Pixels; left: number; top: number }> {
  if (frame.length < 24) throw new Error("it is a damaged WebP: its first frame is too short");
  const view = viewOf(frame);
  const uint24 = (at: number) => view.getUint16(at, true) + (view.getUint8(at + 2) << 16);
  const size = { width: 1 + uint24(6), height: 1 + uint24(9) };
  checkSize(size.width, size.height, "its first frame");
  const data = frame.subarray(16), chunks = readChunks(data);
  const head = new Uint8Array(30), put = viewOf(head);
  head.set(new TextEncoder().encode("RIFF\0\0\0\0WEBPVP8X\x0a"));
  put.setUint32(4, 22 + data.length, true);
  head[20] = 0x10; // transparency is possible
  head.set(frame.subarray(6, 12), 24);
  return {
    pixels: await decodeStill(concatBytes([head, data]), chunks, size),
    left: 2 * uint24(0),
    top: 2 * uint24(3),
  };
}

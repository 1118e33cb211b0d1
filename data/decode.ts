/**
 * JPEG, PNG and WebP bytes to pixels.
 *
 * Headers are read here before a decoder sees the bytes: for the size it would allocate, and for the truncation and
 * the colour spaces that the decoders pass over in silence or answer with a bare number. EXIF orientation is not
 * applied, as in torchvision's data sets.
 *
 * @module
 */
import { type DecodedImage, shrinkImage } from "../src/augment/resize.ts";
import { decodeJpeg, type Pixels } from "./jpeg.ts";

/** More pixels than this are refused before decoding: 100 megapixels, 400 MB decoded. */
export const MAX_PIXELS = 100e6;

/** What a header promises. */
interface Header {
  width: number;
  height: number;
  /** Decodes the whole file to RGBA. */
  decode(): Promise<Pixels>;
}

/**
 * Decodes an image by its first bytes, transparency on white. Throws an Error that says what is wrong
 * with the file.
 */
export async function decodeImage(
  bytes: Uint8Array,
  { shortSide = Infinity }: { shortSide?: number } = {},
): Promise<DecodedImage> {
  const { width, height, decode } = readHeader(bytes);
  if (width === 0 || height === 0) throw new Error(`its header says ${width}×${height} pixels`);
  if (width * height > MAX_PIXELS) {
    throw new Error(`its header says ${width}×${height} pixels, more than ${MAX_PIXELS / 1e6} million`);
  }
  const image = await decode();
  if (image.width !== width || image.height !== height) {
    throw new Error(`its header says ${width}×${height} pixels, decoded are ${image.width}×${image.height}`);
  }
  return shrinkImage({ width, height, data: onWhite(image.data) }, shortSide);
}

function readHeader(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (startsWith(bytes, [0xff, 0xd8])) return jpegHeader(bytes, view);
  if (startsWith(bytes, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return pngHeader(bytes, view);
  if (ascii(bytes, 0) === "RIFF" && ascii(bytes, 8) === "WEBP") return webpHeader(bytes, view);
  const first = [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  throw new Error(bytes.length ? `it is no JPEG, PNG or WebP file: it starts with ${first}` : "it is empty");
}

/** Walks the marker segments to the first scan (ITU-T T.81, annex B). */
function jpegHeader(bytes: Uint8Array, view: DataView): Header {
  let frame: { width: number; height: number } | undefined;
  for (let at = 2; at + 10 <= bytes.length;) {
    if (bytes[at] !== 0xff) throw new Error(`it is a damaged JPEG: no marker at byte ${at}`);
    const marker = bytes[at + 1];
    if (marker === 0xff) { // fill
      at++;
      continue;
    }
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      frame = { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
      if (bytes[at + 9] === 4) throw new Error("it is a CMYK JPEG: convert it to RGB");
    }
    if (marker === 0xda) {
      // Scans escape FF, so an end marker behind this point is one; those of EXIF thumbnails lie before it.
      if (!frame) throw new Error("it is a damaged JPEG: a scan comes before the size");
      if (!hasEndMarker(bytes, at)) throw new Error("it is a truncated JPEG: it has no end marker");
      return { ...frame, decode: () => decodeJpeg(bytes) };
    }
    at += 2 + view.getUint16(at + 2);
  }
  throw new Error("it is a truncated JPEG: it ends within its header");
}

function hasEndMarker(bytes: Uint8Array, start: number): boolean {
  for (let at = bytes.lastIndexOf(0xd9); at > start; at = bytes.lastIndexOf(0xd9, at - 1)) {
    if (bytes[at - 1] === 0xff) return true;
  }
  return false;
}

function pngHeader(bytes: Uint8Array, view: DataView): Header {
  if (bytes.length < 33) throw new Error("it is a truncated PNG: it ends within its header");
  return {
    width: view.getUint32(16),
    height: view.getUint32(20),
    async decode() {
      // Only this module of imagescript, and only when needed: its main one loads native code for other tasks.
      const { default: png } = await import("npm:imagescript@1.3.1/wasm/node/png.js");
      try {
        const { width, height, framebuffer } = (await png.init()).decode(bytes);
        return { width, height, data: framebuffer };
      } catch {
        throw new Error("it is a damaged or truncated PNG"); // the decoder gives a number that means no more
      }
    },
  };
}

/** Lossy, lossless and extended files (WebP container specification; RFC 6386, 9.1). */
function webpHeader(bytes: Uint8Array, view: DataView): Header {
  if (bytes.length < 30 || view.getUint32(4, true) + 8 > bytes.length) {
    throw new Error("it is a truncated WebP");
  }
  const kind = ascii(bytes, 12);
  let width: number, height: number;
  if (kind === "VP8X") {
    width = 1 + (view.getUint32(24, true) & 0xffffff);
    height = 1 + (view.getUint32(26, true) >>> 8);
  } else if (kind === "VP8L") {
    width = 1 + (view.getUint32(21, true) & 0x3fff);
    height = 1 + (view.getUint32(21, true) >>> 14 & 0x3fff);
  } else {
    width = view.getUint16(26, true) & 0x3fff;
    height = view.getUint16(28, true) & 0x3fff;
  }
  return {
    width,
    height,
    async decode() {
      const { default: decodeWebp } = await import("npm:@jsquash/webp@1.5.0/decode.js");
      return await decodeWebp(bytes as unknown as ArrayBuffer).catch(() => {
        throw new Error("it is a damaged or animated WebP");
      });
    },
  };
}

function startsWith(bytes: Uint8Array, magic: number[]): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}

function ascii(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

/** A copy of `rgba` with what is transparent on white. */
function onWhite(rgba: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(rgba);
  for (let i = 0; i < data.length; i += 4) {
    const alpha = data[i + 3];
    if (alpha === 255) continue;
    const white = 255 * (255 - alpha);
    for (let c = i; c < i + 3; c++) data[c] = Math.round((data[c] * alpha + white) / 255);
    data[i + 3] = 255;
  }
  return data;
}

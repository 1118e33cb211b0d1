/**
 * TIFF files with a JPEG beside their tags, as scanners and cameras wrote them before TIFF Technical Note 2 (TIFF 6.0,
 * section 22).
 *
 * @module
 */
import type { Directory } from "./directory.ts";
import type { Header } from "./format.ts";
import { jpeg } from "./jpeg.ts";

/** The compression, and the place of the JPEG and its length. */
const COMPRESSION = 259, START = 513, LENGTH = 514;
const OLD_JPEG = 6;

/** The header of the JPEG that holds the whole image of `directory`; null for other compressions. */
export function readOldJpeg(bytes: Uint8Array, directory: Directory): Header | null {
  if (directory.values(COMPRESSION)?.[0] !== OLD_JPEG) return null;
  const start = directory.values(START)?.[0], length = directory.values(LENGTH)?.[0];
  const part = start === undefined ? undefined : bytes.subarray(start, length && start + length);
  if (part?.[0] !== 0xff || part[1] !== 0xd8) return null; // in pieces: refused by its compression
  const header = jpeg.readHeader(part);
  const [width = 0, height = 0] = [256, 257].map((tag) => directory.values(tag)?.[0]);
  if (width === header.width && height === header.height) return header;
  throw new Error(
    `it is a damaged TIFF: it says ${width}×${height} pixels, its JPEG ${header.width}×${header.height}`,
  );
}

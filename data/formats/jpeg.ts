/**
 * JPEG, decoded by libjpeg; CMYK and YCCK by another library.
 *
 * @module
 */
import { decodeCmykJpeg } from "./cmyk_jpeg.ts";
import { ascii, type Format, viewOf } from "./format.ts";
import { jpegSegments } from "./jpeg_segments.ts";
import { decodeJpeg } from "./libjpeg.ts";
import { exifOrientation } from "./orientation.ts";

/** JPEG, baseline and progressive: gray, YCbCr, RGB, CMYK, YCCK. */
export const jpeg: Format = {
  name: "JPEG",
  readHeader(bytes) {
    const view = viewOf(bytes);
    let frame: { width: number; height: number; components: number } | undefined;
    let orientation: number | undefined;
    for (const { marker, at, end } of jpegSegments(bytes)) {
      if (marker === 0xe1 && orientation === undefined && ascii(bytes, at + 4, 6) === "Exif\0\0") {
        orientation = exifOrientation(bytes.subarray(at + 10, end));
      }
      if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
        frame = {
          height: view.getUint16(at + 5),
          width: view.getUint16(at + 7),
          components: bytes[at + 9],
        };
      }
      if (marker !== 0xda) continue;
      // Scans escape FF, so an end marker after this point is real; those of EXIF thumbnails lie before it.
      if (!frame) throw new Error("it is a damaged JPEG: a scan comes before the size");
      if (!hasEndMarker(bytes, at)) throw new Error("it is a truncated JPEG: it has no end marker");
    }
    const { width, height, components } = frame!; // the last segment is a scan, which was checked
    const decode = components === 4 ? decodeCmykJpeg : decodeJpeg;
    return { width, height, orientation, opaque: true, decode: () => decode(bytes, width * height) };
  },
};

function hasEndMarker(bytes: Uint8Array, start: number): boolean {
  for (let at = bytes.lastIndexOf(0xd9); at > start; at = bytes.lastIndexOf(0xd9, at - 1)) {
    if (bytes[at - 1] === 0xff) return true;
  }
  return false;
}

/**
 * JPEG, decoded by libjpeg; CMYK and YCCK by another library.
 *
 * @module
 */
import { decodeCmykJpeg } from "./cmyk_jpeg.ts";
import { ascii, type Format, viewOf } from "./format.ts";
import { type Frame, TRUNCATED, withEndMarker } from "./jpeg_end.ts";
import { jpegSegments, type Segment, START_OF_SCAN } from "./jpeg_segments.ts";
import { decodeJpeg } from "./libjpeg.ts";
import { exifOrientation } from "./orientation.ts";

/** JPEG, baseline and progressive: gray, YCbCr, RGB, CMYK, YCCK. */
export const jpeg: Format = {
  name: "JPEG",
  readHeader(bytes) {
    let frame: Frame | undefined, scan: Segment | undefined;
    let orientation: number | undefined;
    for (const segment of jpegSegments(bytes)) {
      const { marker, at, end } = segment;
      if (marker === 0xe1 && orientation === undefined && ascii(bytes, at + 4, 6) === "Exif\0\0") {
        orientation = exifOrientation(bytes.subarray(at + 10, end));
      }
      if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
        frame = readFrame(bytes, segment);
      }
      if (marker === START_OF_SCAN) scan = segment;
    }
    if (!frame) throw new Error("it is a damaged JPEG: a scan comes before the size");
    const whole = withEndMarker(bytes, { frame, scan: scan! }); // the last segment is a scan
    const { width, height, components } = frame;
    const decode = components.length === 4 ? decodeCmykJpeg : decodeJpeg;
    // The decoder of CMYK does not tell whether data are missing.
    if (whole !== bytes && decode === decodeCmykJpeg) throw new Error(TRUNCATED);
    return {
      width,
      height,
      orientation,
      opaque: true,
      async decode() {
        if (whole === bytes) return await decode(bytes, width * height);
        return await decode(whole, width * height).catch(() => {
          throw new Error(TRUNCATED);
        });
      },
    };
  },
};

/** The processes by their markers' low four bits (T.81, table B.1). */
const isLossless = (process: number) => (process & 3) === 3;
const isHierarchical = (process: number) => (process & 4) !== 0;

/** Reads a frame header. Throws an Error that names the kind if no decoder here reads it. */
function readFrame(bytes: Uint8Array, { marker, at }: Segment): Frame {
  const view = viewOf(bytes), process = marker & 15, bits = bytes[at + 4];
  const kind = isLossless(process)
    ? "a lossless"
    : isHierarchical(process)
    ? "a hierarchical"
    : process > 8
    ? "an arithmetic-coded"
    : bits !== 8
    ? `a ${bits}-bit`
    : undefined;
  if (kind) throw new Error(`it is ${kind} JPEG, which is not supported: convert it`);
  const count = bytes[at + 9];
  return {
    height: view.getUint16(at + 5),
    width: view.getUint16(at + 7),
    components: Array.from({ length: count }, (_, i) => bytes[at + 10 + 3 * i]),
    progressive: process === 2,
  };
}

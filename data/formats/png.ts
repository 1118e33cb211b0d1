/**
 * PNG, decoded by imagescript; of 16-bit samples it keeps the high byte.
 *
 * @module
 */
import { concatBytes } from "../../src/base/bytes.ts";
import { ascii, type Format, viewOf } from "./format.ts";
import { exifOrientation } from "./orientation.ts";
import { cleanPng } from "./png_data.ts";
import { decodeDeepPng } from "./png_depth.ts";
import { hasPngRows, pngRows } from "./png_rows.ts";
import { reusable } from "./reusable.ts";

const ANIMATION_CHUNK = /^(acTL|fcTL|fdAT)$/;

// Only this module of imagescript, and only when needed: its main module loads native code for other tasks.
const withDecoder = reusable(async () => {
  const { default: png } = await import("npm:imagescript@1.3.1/wasm/node/png.js");
  return await png.init();
});

/** PNG of all color types and bit depths. */
export const png: Format = {
  name: "PNG",
  readHeader(bytes) {
    const view = viewOf(bytes);
    if (bytes.length < 33) throw new Error("it is a truncated PNG: it ends within its header");
    if (ascii(bytes, 12) === "CgBI") throw new Error("it is a PNG packed for iPhone apps (CgBI): convert it");
    if (ascii(bytes, 12) !== "IHDR") {
      throw new Error("it is a damaged PNG: it does not begin with its header");
    }
    const width = view.getUint32(16), height = view.getUint32(20);
    let orientation: number | undefined, kind = "", isAnimated = false;
    const bits = bytes[24];
    let significant = bits;
    for (let at = 8; kind !== "IEND";) {
      if (at + 12 > bytes.length) throw new Error("it is a truncated PNG: it has no end chunk");
      const end = at + 12 + view.getUint32(at);
      kind = ascii(bytes, at + 4);
      if (!/^[a-zA-Z]{4}$/.test(kind)) {
        throw new Error(`it is a damaged PNG: there is no chunk at byte ${at}`);
      }
      if (end > bytes.length) throw new Error(`it is a truncated PNG: it ends within its ${kind} chunk`);
      isAnimated ||= ANIMATION_CHUNK.test(kind);
      if (kind === "eXIf") orientation = exifOrientation(bytes.subarray(at + 8, end - 4));
      if (kind === "sBIT") significant = significantBits(bytes.subarray(at + 8, end - 4), bytes[25], bits);
      at = end;
    }
    return {
      width,
      height,
      bits,
      orientation,
      // Samples of fewer bits may have to be scaled.
      ...hasPngRows(bytes) && significant === bits && { rows: () => pngRows(bytes) },
      async decode({ stretch } = {}) {
        if (bits === 16 && (stretch || significant < 16)) {
          const deep = decodeDeepPng(bytes, { width, height, significant, stretch });
          if (deep) return deep;
        }
        const attempt = (file: Uint8Array) => withDecoder(width * height, (png) => png.decode(file));
        const decoded = await attempt(isAnimated ? withoutAnimation(bytes) : bytes) ??
          await attempt(cleanPng(bytes));
        if (!decoded) throw new Error("it is a damaged PNG"); // the decoder gives only a number
        return { width: decoded.width, height: decoded.height, data: decoded.framebuffer };
      },
    };
  },
};

/** The most significant bits of a color sample that an sBIT chunk declares; `bits` if it is not valid. */
function significantBits(body: Uint8Array, colorType: number, bits: number): number {
  const declared = Math.max(0, ...body.subarray(0, colorType & 2 ? 3 : 1));
  return declared > 0 && declared <= bits ? declared : bits;
}

/**
 * A copy of a PNG without the chunks of its animation, so that the default image is decoded, as by libpng. imagescript would
 * give the first frame; of a small one on a larger canvas, what its memory held before around it.
 */
function withoutAnimation(bytes: Uint8Array): Uint8Array {
  const view = viewOf(bytes), parts = [bytes.subarray(0, 8)];
  for (let at = 8, kind = ""; kind !== "IEND";) {
    const end = at + 12 + view.getUint32(at);
    kind = ascii(bytes, at + 4);
    if (!ANIMATION_CHUNK.test(kind)) parts.push(bytes.subarray(at, end));
    at = end;
  }
  return concatBytes(parts);
}

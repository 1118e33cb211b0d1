/**
 * HEIF: AVIF, decoded by libavif, and HEIC, decoded by libheif. Of sequences and collections the primary image.
 *
 * @module
 */
import { checkSize, type Format, type Pixels } from "./format.ts";
import { type HeifLayout, readHeifLayout } from "./heif_boxes.ts";
import { decodeHevc } from "./libheif.ts";
import { orTooLarge, reusable } from "./reusable.ts";

/** The part of the WebAssembly module that is used here. */
interface Libavif {
  decode(bytes: Uint8Array, depth: 8): Pixels | null;
}

const silent = () => {};
const withLibavif = reusable(async (): Promise<Libavif> => {
  const { default: createLibavif } = await import("npm:@jsquash/avif@2.1.1/codec/dec/avif_dec.js");
  return await createLibavif({ noInitialRun: true, print: silent, printErr: silent }) as Libavif;
});

/** AVIF and HEIC of 8 to 12 bits, with alpha. */
export const heif: Format = {
  name: "HEIF",
  readHeader(bytes) {
    const layout = readHeifLayout(bytes), { isAv1, crop, orientation } = layout;
    checkSize(layout.width, layout.height);
    const { width, height } = crop ?? layout;
    if (isAv1) return { width, height, orientation, decode: () => decodeAv1(bytes, layout) };
    // libheif crops and turns by itself.
    const turned = orientation >= 5 ? { width: height, height: width } : { width, height };
    return { ...turned, decode: () => decodeHevc(bytes, layout.width * layout.height) };
  },
};

async function decodeAv1(bytes: Uint8Array, { width, height, crop }: HeifLayout): Promise<Pixels> {
  const pixels = await withLibavif(width * height, (libavif) => libavif.decode(bytes, 8));
  if (!pixels) throw new Error(`it is a damaged or unsupported AVIF${orTooLarge(width * height)}`);
  if (!crop || pixels.width !== width || pixels.height !== height) return pixels; // another size is reported by the caller
  const data = new Uint8Array(4 * crop.width * crop.height);
  for (let y = 0; y < crop.height; y++) {
    const start = 4 * ((crop.top + y) * width + crop.left);
    data.set(pixels.data.subarray(start, start + 4 * crop.width), 4 * y * crop.width);
  }
  return { width: crop.width, height: crop.height, data };
}

/** Reads the golden image files of tests/golden, which decode.py, decode_odd.py and formats.py write. */
import { opaque } from "./views/golden.ts";

/** A file, and its pixels as Pillow or its format's own tools decode them. */
export interface GoldenFile {
  /** Its format in lower case, then its variant. */
  name: string;
  file: Uint8Array;
  width: number;
  height: number;
  /** [height, width, 4]. */
  rgba: Uint8Array;
  /** Whether these are the pixels with stretched contrast. */
  stretch: boolean;
}

const folder = new URL("../golden/", import.meta.url);

/** The files of NAME.json and NAME.bin. */
async function readFiles(name: string): Promise<GoldenFile[]> {
  const data = await Deno.readFile(new URL(`${name}.bin`, folder));
  const { cases } = JSON.parse(await Deno.readTextFile(new URL(`${name}.json`, folder)));
  const part = ([offset, length]: [number, number]) => data.slice(offset, offset + length);
  return cases.map(
    // deno-lint-ignore no-explicit-any
    ({ name, width, height, file, rgb, stretch = false }: any) => ({
      name,
      width,
      height,
      stretch,
      file: part(file),
      rgba: opaque(part(rgb)),
    }),
  );
}

/** The files of decode.py and formats.py, in their order. */
export const goldenFiles: GoldenFile[] = [...await readFiles("decode"), ...await readFiles("formats")];
/** Those of decode_odd.py: unusual ones, some with bytes behind the image. */
export const oddFiles: GoldenFile[] = await readFiles("decode_odd");

/** The file of this name. */
export function golden(name: string): GoldenFile {
  const found = [...goldenFiles, ...oddFiles].find((file) => file.name === name);
  if (!found) throw new Error(`there is no golden file "${name}"`);
  return found;
}

/**
 * The pixels equal Pillow's, which uses libjpeg and libwebp too. Other decoders round differently: of CMYK JPEG, which also
 * smooths subsampled chroma; libheif and libavif in converting YCbCr; libjxl in the inverse DCT of a JPEG.
 */
export function toleranceOf(name: string): number {
  if (/^jxl of a jpeg/.test(name)) return 3;
  if (/^(jpeg ycck|avif lossy) 420/.test(name)) return 2;
  return /^jpeg (cmyk|ycck)|^tiff cmyk jpeg|^heic|^avif of libheif/.test(name) ? 1 : 0;
}

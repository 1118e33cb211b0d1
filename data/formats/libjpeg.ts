/**
 * Decodes JPEG by libjpeg, and reports libjpeg's warnings of damage as errors.
 *
 * This uses the WebAssembly module of @jsquash/jpeg without its wrapper: the wrapper decodes asynchronously, so that warnings
 * could not be assigned to an image, and prints them to the console.
 *
 * @module
 */
import createLibjpeg from "npm:@jsquash/jpeg@1.6.0/codec/dec/mozjpeg_dec.js";
import type { Pixels } from "./format.ts";
import { reusable } from "./reusable.ts";

/** The part of the WebAssembly module that is used here; the package's own declaration does not resolve. */
interface Libjpeg {
  decode(bytes: Uint8Array, preserveOrientation: boolean): Pixels | null;
}

/** The errors and warnings of libjpeg about the current image. */
const messages: string[] = [];
const collect = (line: string) => {
  messages.push(line);
};

const withLibjpeg = reusable((): Promise<Libjpeg> =>
  createLibjpeg({ noInitialRun: true, print: collect, printErr: collect })
);

/**
 * Decodes a JPEG of `size` pixels. Throws an Error with the defect of the file, also if libjpeg only warns of it.
 */
export async function decodeJpeg(bytes: Uint8Array, size: number): Promise<Pixels> {
  let damage: string | undefined;
  const pixels = await withLibjpeg(size, (libjpeg) => {
    messages.length = 0;
    let decoded: Pixels | null = null;
    try {
      decoded = libjpeg.decode(bytes, false);
    } finally {
      // Some cameras leave bytes after the image; these do not affect its pixels.
      damage = decoded
        ? messages.find((line) => /^(Corrupt JPEG data: (?!\d+ extraneous bytes)|Premature end)/.test(line))
        : messages.at(-1);
    }
    return decoded;
  });
  if (!pixels) throw new Error(`it is a damaged or unsupported JPEG: ${damage ?? "it cannot be decoded"}`);
  if (damage) throw new Error(`it is a damaged JPEG: ${damage.replace("Corrupt JPEG data: ", "")}`);
  return pixels;
}

/**
 * JPEG bytes to pixels by libjpeg, and what libjpeg says of damaged ones.
 *
 * This is @jsquash/jpeg without its wrapper. Through the wrapper a decoding is asynchronous, so that warnings could not
 * be told apart by image, and they would go to the console.
 *
 * @module
 */
import createLibjpeg from "npm:@jsquash/jpeg@1.6.0/codec/dec/mozjpeg_dec.js";
import type { Pixels } from "./format.ts";
import { reusable } from "./reusable.ts";

/** The part of the WebAssembly module that is used; the package's own declaration does not resolve. */
interface Libjpeg {
  decode(bytes: Uint8Array, preserveOrientation: boolean): Pixels | null;
}

/** What libjpeg has said of the image in hand, errors and warnings. */
const said: string[] = [];
const hear = (line: string) => {
  said.push(line);
};

const withLibjpeg = reusable((): Promise<Libjpeg> =>
  createLibjpeg({ noInitialRun: true, print: hear, printErr: hear })
);

/**
 * Decodes a JPEG of `size` pixels. Throws an Error that says what is wrong with the file, also if libjpeg only warns of
 * damage.
 */
export async function decodeJpeg(bytes: Uint8Array, size: number): Promise<Pixels> {
  let damage: string | undefined;
  const pixels = await withLibjpeg(size, (libjpeg) => {
    said.length = 0;
    let decoded: Pixels | null = null;
    try {
      decoded = libjpeg.decode(bytes, false);
    } finally {
      // Cameras do leave bytes behind the picture; no pixel suffers from these.
      damage = decoded
        ? said.find((line) => /^(Corrupt JPEG data: (?!\d+ extraneous bytes)|Premature end)/.test(line))
        : said.at(-1);
    }
    return decoded;
  });
  if (!pixels) throw new Error(`it is a damaged or unsupported JPEG: ${damage ?? "it cannot be decoded"}`);
  if (damage) throw new Error(`it is a damaged JPEG: ${damage.replace("Corrupt JPEG data: ", "")}`);
  return pixels;
}

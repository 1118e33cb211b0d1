/**
 * JPEG bytes to pixels by libjpeg, and what libjpeg says of damaged ones.
 *
 * This is @jsquash/jpeg without its wrapper. Through the wrapper a decoding is asynchronous, so that warnings could not
 * be told apart by image, and they would go to the console.
 *
 * @module
 */
import createLibjpeg from "npm:@jsquash/jpeg@1.6.0/codec/dec/mozjpeg_dec.js";

/** RGBA, [height, width, 4]. */
export interface Pixels {
  width: number;
  height: number;
  data: ArrayLike<number>;
}

/** The part of the WebAssembly module that is used; the package's own declaration does not resolve. */
interface Libjpeg {
  decode(bytes: Uint8Array, preserveOrientation: boolean): Pixels | null;
}

/** What libjpeg has said of the image in hand, errors and warnings. */
const said: string[] = [];
const hear = (line: string) => {
  said.push(line);
};

const loadLibjpeg = (): Promise<Libjpeg> =>
  createLibjpeg({ noInitialRun: true, print: hear, printErr: hear });

let current: Promise<Libjpeg> | undefined;

/** Decodes a JPEG. Throws an Error that says what is wrong with the file, also if libjpeg only warns of damage. */
export async function decodeJpeg(bytes: Uint8Array): Promise<Pixels> {
  let loading: Promise<Libjpeg>, libjpeg: Libjpeg;
  do {
    loading = current ??= loadLibjpeg();
    libjpeg = await loading;
  } while (loading !== current); // spent by another image meanwhile
  said.length = 0;
  let pixels: Pixels | null = null;
  try {
    pixels = libjpeg.decode(bytes, false);
  } catch {
    // Refusing an image, libjpeg exits without giving its stack back. After some dozen refusals the stack runs into the
    // heap: good images fail, or decoding never ends. A new module takes 3 ms.
    current = undefined;
  }
  if (!pixels) {
    throw new Error(`it is a damaged or unsupported JPEG: ${said.at(-1) ?? "it cannot be decoded"}`);
  }
  // Cameras do leave bytes behind the picture; no pixel suffers from these.
  const damage = said.find((line) =>
    /^(Corrupt JPEG data: (?!\d+ extraneous bytes)|Premature end)/.test(line)
  );
  if (damage) throw new Error(`it is a damaged JPEG: ${damage.replace("Corrupt JPEG data: ", "")}`);
  return pixels;
}

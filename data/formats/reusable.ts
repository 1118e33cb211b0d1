/**
 * WebAssembly decoders that serve many images, and are thrown away when one image has harmed them.
 *
 * @module
 */

import { MachineError, messageOf } from "../../src/base/errors.ts";

/** After larger images a decoder is not used again, as the memory of WebAssembly grows and never shrinks. */
const LARGE = 16e6;

/**
 * `use(pixels, work)` does `work` with the decoder that `load` makes, for an image of so many pixels, and gives null if
 * `work` throws; if `load` does, that is a MachineError, as it is no image's fault. A decoder that has thrown is dropped:
 * refusing an image, these libraries trap or exit in the middle of it, without giving memory and stack back. After some
 * dozen refusals the stack of libjpeg runs into its heap: good images fail, or decoding never ends. A new one takes at
 * most 3 ms.
 */
export function reusable<T>(
  load: () => Promise<T>,
): <R>(pixels: number, work: (decoder: T) => R) => Promise<R | null> {
  let current: Promise<T> | undefined;
  return async (pixels, work) => {
    let loading: Promise<T>, decoder: T;
    do {
      loading = current ??= load();
      try {
        decoder = await loading;
      } catch (error) {
        if (loading === current) current = undefined;
        throw new MachineError(
          `Cannot decode images as a decoder must be loaded: ${
            messageOf(error)
          }. Check that its npm package is there: ` +
            `./run fetches all of them.`,
          { cause: error },
        );
      }
    } while (loading !== current); // dropped for another image meanwhile
    if (pixels > LARGE) current = undefined;
    try {
      return work(decoder);
    } catch {
      current = undefined;
      return null;
    }
  };
}

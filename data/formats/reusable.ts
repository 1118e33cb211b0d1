/**
 * WebAssembly decoders that are reused for many images, and replaced after an image has damaged them.
 *
 * @module
 */

import { MachineError, messageOf } from "../../src/base/errors.ts";

/** By default a decoder is dropped after a larger image, as WebAssembly memory never shrinks. */
const MAX_REUSE_PIXELS = 16e6;

/**
 * Returns `use(pixels, work)`, which calls `work` with the decoder made by `load`, for an image of `pixels` pixels, and
 * resolves to null if `work` throws. If `load` fails, it throws a MachineError, as no image is at fault. The decoder serves
 * later images too, unless the image has more than `maxPixels` pixels.
 *
 * A decoder that has thrown is dropped: these libraries trap or exit in the middle of a bad image without freeing memory and
 * stack. After some dozen failures the stack of libjpeg runs into its heap, and good images fail or decoding never ends. A
 * new decoder takes at most 3 ms.
 */
export function reusable<T>(
  load: () => Promise<T>,
  { maxPixels = MAX_REUSE_PIXELS }: { maxPixels?: number } = {},
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
          `Cannot load an image decoder: ${messageOf(error)}. Check that its npm package is installed.`,
          { cause: error },
        );
      }
    } while (loading !== current); // it was dropped because of another image meanwhile
    if (pixels > maxPixels) current = undefined;
    try {
      return work(decoder);
    } catch {
      current = undefined;
      return null;
    }
  };
}

/** Images of fewer pixels fit into the memory of every decoder: 2 GB, of which JPEG XL takes some 40 bytes a pixel. */
const MIN_TOO_LARGE = 45e6;

/** What else may be wrong with an image of `pixels` pixels that a decoder rejects without a reason, for its message. */
export function orTooLarge(pixels: number): string {
  return pixels < MIN_TOO_LARGE
    ? ""
    : `, or its ${Math.round(pixels / 1e6)} megapixels are too many for the decoder`;
}

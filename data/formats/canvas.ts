/**
 * The first frame of an animation on its canvas.
 *
 * @module
 */
import type { Pixels } from "./format.ts";

/** `pixels` at (`left`, `top`) of a transparent canvas of the given size, clipped to it. */
export function onCanvas(
  { pixels, left, top }: { pixels: Pixels; left: number; top: number },
  { width, height }: { width: number; height: number },
): Pixels {
  if (left === 0 && top === 0 && pixels.width === width && pixels.height === height) return pixels;
  const data = new Uint8Array(4 * width * height);
  const columns = Math.min(pixels.width, width - left), rows = Math.min(pixels.height, height - top);
  for (let y = 0; columns > 0 && y < rows; y++) {
    const line = pixels.data.subarray(4 * y * pixels.width, 4 * (y * pixels.width + columns));
    data.set(line, 4 * ((top + y) * width + left));
  }
  return { width, height, data };
}

/**
 * Makes a view on the CPU: resize, flip, colors, normalize.
 *
 * @module
 */
import { gaussianBlur } from "./blur.ts";
import { adjustBrightness } from "./brightness.ts";
import { adjustContrast } from "./contrast.ts";
import type { ViewParameters } from "./draw.ts";
import { grayscale } from "./grayscale.ts";
import { adjustHue } from "./hue.ts";
import type { Rgb } from "./recipe.ts";
import { type DecodedImage, resizeCrop } from "./resize.ts";
import { adjustSaturation } from "./saturation.ts";
import { solarize } from "./solarize.ts";

/** Values per pixel of a view: red, green, blue and 0, as the network takes channels in fours. */
export const VIEW_CHANNELS = 4;

/** What all views of a run have in common. */
export interface ViewFormat {
  /** Side of the square view, pixels. */
  size: number;
  /** Subtracted from each channel. */
  mean: Rgb;
  /** Divides each channel. */
  std: Rgb;
}

/** The resized bytes. The buffer grows to the largest view and is reused. */
let bytes = new Uint8ClampedArray(0);

/**
 * Applies `parameters` to `image` and writes the view, [size, size, 4], normalized, to `out`.
 *
 * The crop and resize give 8-bit values, as in Pillow; afterwards values are floats in [0, 1], as in torchvision on
 * tensors.
 */
export function applyView(
  image: DecodedImage,
  parameters: ViewParameters,
  { size, mean, std, out }: ViewFormat & { out: Float32Array },
): void {
  const { crop, flip, jitter, blur } = parameters;
  const resized = parameters.resized ?? { top: 0, left: 0, height: size, width: size };
  if (bytes.length < size * size * 4) bytes = new Uint8ClampedArray(size * size * 4);
  resizeCrop(image, { crop, resized, width: size, height: size, out: bytes });
  toFloats(bytes, { size, flip, out });
  if (jitter) {
    for (const operation of jitter.order) {
      if (operation === 0) adjustBrightness(out, jitter.brightness);
      else if (operation === 1) adjustContrast(out, jitter.contrast);
      else if (operation === 2) adjustSaturation(out, jitter.saturation);
      else adjustHue(out, jitter.hue);
    }
  }
  if (parameters.grayscale) grayscale(out);
  if (blur) gaussianBlur(out, { size, ...blur });
  if (parameters.solarize) solarize(out, parameters.solarize.threshold);
  normalize(out, mean, std);
}

/** [size, size, 4] bytes to floats in [0, 1], mirrored if `flip`. */
function toFloats(
  from: Uint8ClampedArray,
  { size, flip, out }: { size: number; flip: boolean; out: Float32Array },
): void {
  const step = flip ? -VIEW_CHANNELS : VIEW_CHANNELS;
  for (let y = 0, i = 0; y < size; y++) {
    let o = (y * size + (flip ? size - 1 : 0)) * VIEW_CHANNELS;
    for (let x = 0; x < size; x++, i += 4, o += step) {
      out[o] = from[i] / 255;
      out[o + 1] = from[i + 1] / 255;
      out[o + 2] = from[i + 2] / 255;
      out[o + 3] = 0;
    }
  }
}

function normalize(pixels: Float32Array, mean: Rgb, std: Rgb): void {
  const [r, g, b] = mean, [sr, sg, sb] = std;
  for (let i = 0; i < pixels.length; i += VIEW_CHANNELS) {
    pixels[i] = (pixels[i] - r) / sr;
    pixels[i + 1] = (pixels[i + 1] - g) / sg;
    pixels[i + 2] = (pixels[i + 2] - b) / sb;
  }
}

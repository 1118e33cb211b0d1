/**
 * Converts the samples of a TIFF to RGBA (TIFF 6.0, PhotometricInterpretation and ExtraSamples).
 *
 * @module
 */
import type { Layout } from "./tiff_layout.ts";

/** Converts `data`, four samples per pixel, as many of them colors as the layout says, to RGBA in place. */
export function toRgba(data: Uint8Array, layout: Layout): void {
  const { photometric } = layout;
  if (photometric === 5) return cmykToRgba(data);
  const isColor = photometric === 2 || photometric === 6;
  setAlpha(data, { layout, at: isColor ? 3 : 1 });
  if (photometric === 3) paletteToRgb(data, layout);
  else if (!isColor) grayToRgb(data, layout);
  if (layout.alpha === 1) divideByAlpha(data);
}

/** Moves the alpha sample, at `at`, to the fourth channel. */
function setAlpha(data: Uint8Array, { layout, at }: { layout: Layout; at: number }): void {
  const hasAlpha = layout.alpha === 1 || layout.alpha === 2;
  for (let i = 0; i < data.length; i += 4) data[i + 3] = hasAlpha ? data[i + at] : 255;
}

function grayToRgb(data: Uint8Array, { photometric }: Layout): void {
  for (let i = 0; i < data.length; i += 4) {
    data[i] = data[i + 1] = data[i + 2] = photometric === 0 ? 255 - data[i] : data[i];
  }
}

function paletteToRgb(data: Uint8Array, { palette, bits }: Layout): void {
  const colors = 1 << bits;
  for (let i = 0; i < data.length; i += 4) {
    const index = data[i];
    for (let c = 0; c < 3; c++) data[i + c] = palette[c * colors + index] >> 8;
  }
}

/** Like Pillow: 255 − k − c·(255 − k) ÷ 255. */
function cmykToRgba(data: Uint8Array): void {
  for (let i = 0; i < data.length; i += 4) {
    const light = 255 - data[i + 3];
    for (let c = i; c < i + 3; c++) data[c] = light - Math.round(data[c] * light / 255);
    data[i + 3] = 255;
  }
}

/** Like Pillow: rounded down. */
function divideByAlpha(data: Uint8Array): void {
  for (let i = 0; i < data.length; i += 4) {
    const alpha = data[i + 3];
    if (alpha === 0 || alpha === 255) continue;
    for (let c = i; c < i + 3; c++) data[c] = Math.min(255, Math.floor(255 * data[c] / alpha));
  }
}

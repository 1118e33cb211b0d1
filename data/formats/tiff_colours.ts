/**
 * What the samples of a TIFF mean (TIFF 6.0, PhotometricInterpretation and ExtraSamples).
 *
 * @module
 */
import type { Layout } from "./tiff_layout.ts";

/** Turns `data`, up to four samples a pixel, to RGBA in place. */
export function toRgba(data: Uint8Array, layout: Layout): void {
  const { photometric } = layout;
  if (photometric === 5) return inksToRgba(data);
  const coloured = photometric === 2 || photometric === 6;
  setAlpha(data, { layout, at: coloured ? 3 : 1 });
  if (photometric === 3) lookUp(data, layout);
  else if (!coloured) spreadGrey(data, layout);
  if (layout.alpha === 1) divideByAlpha(data);
}

/** Puts the transparency, which is sample `at`, in its place. */
function setAlpha(data: Uint8Array, { layout, at }: { layout: Layout; at: number }): void {
  const transparent = layout.alpha === 1 || layout.alpha === 2;
  for (let i = 0; i < data.length; i += 4) data[i + 3] = transparent ? data[i + at] : 255;
}

function spreadGrey(data: Uint8Array, { photometric, bits }: Layout): void {
  const scale = bits < 8 ? 255 / ((1 << bits) - 1) : 1; // 255, 85, 17, 1
  for (let i = 0; i < data.length; i += 4) {
    const grey = data[i] * scale;
    data[i] = data[i + 1] = data[i + 2] = photometric === 0 ? 255 - grey : grey;
  }
}

function lookUp(data: Uint8Array, { palette, bits }: Layout): void {
  const colours = 1 << bits;
  for (let i = 0; i < data.length; i += 4) {
    const place = data[i];
    for (let c = 0; c < 3; c++) data[i + c] = palette[c * colours + place] >> 8;
  }
}

/** As Pillow: 255 − k − c·(255 − k) ÷ 255. */
function inksToRgba(data: Uint8Array): void {
  for (let i = 0; i < data.length; i += 4) {
    const light = 255 - data[i + 3];
    for (let c = i; c < i + 3; c++) data[c] = light - Math.round(data[c] * light / 255);
    data[i + 3] = 255;
  }
}

/** As Pillow: rounded down. */
function divideByAlpha(data: Uint8Array): void {
  for (let i = 0; i < data.length; i += 4) {
    const alpha = data[i + 3];
    if (alpha === 0 || alpha === 255) continue;
    for (let c = i; c < i + 3; c++) data[c] = Math.min(255, Math.floor(255 * data[c] / alpha));
  }
}

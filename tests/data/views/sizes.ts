/** Reads tests/golden/sizes.json, which sizes.py writes with torchvision, and draws its images. */
import { createHash } from "node:crypto";
import type { Box } from "../../../data/views/draw.ts";
import type { DecodedImage } from "../../../data/views/resize.ts";

interface SizedCase {
  width: number;
  height: number;
  /** Side of the view. */
  size: number;
  /** Of the view's pixels, as {@linkcode digestOf} gives it. */
  digest: string;
}

const file = JSON.parse(await Deno.readTextFile(new URL("../../golden/sizes.json", import.meta.url)));

/** Resize and CenterCrop. */
export const evaluations: SizedCase[] = file.evaluations.map((
  [width, height, size, digest]: [number, number, number, string],
) => ({ width, height, size, digest }));

/** RandomResizedCrop with the given crop. */
export const crops: (SizedCase & { crop: Box })[] = file.crops.map((
  [width, height, size, top, left, h, w, digest]: [...number[], string] & number[],
) => ({ width, height, size, crop: { top, left, height: h, width: w }, digest }));

/** The image of these sides in sizes.py. */
export function hashedPicture(width: number, height: number): DecodedImage {
  const data = new Uint8Array(width * height * 4).fill(255);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i += 4) {
      for (let c = 0; c < 3; c++) {
        let h = Math.imul(x, 0x9e3779b1) ^ Math.imul(y, 0x85ebca77) ^ Math.imul(c, 0xc2b2ae3d) ^ width;
        h ^= h >>> 15;
        h = Math.imul(h, 0x2c1b3c6d);
        h ^= h >>> 12;
        data[i + c] = Math.imul(h, 0x297a2d39) >>> 24;
      }
    }
  }
  return { width, height, data };
}

/** The digest of the colors of `pixels`, [.., 4]. */
export function digestOf(pixels: Uint8Array): string {
  return createHash("sha256").update(pixels.filter((_, i) => i % 4 < 3)).digest("hex").slice(0, 16);
}

/**
 * The built-in data set: bright, nearly gray shapes at random position, size and rotation on dark noisy backgrounds.
 *
 * The ten classes differ in shape only. BYOL first learns what two views of an image share, so the shape must be what they
 * share most: color, position, scale and noise carry no information about the class, and backgrounds have neither
 * gradients nor textures. Images are real JPEGs, so that they take the same path as any user's.
 *
 * @module
 */
import encode from "npm:@jsquash/jpeg@1.6.0/encode.js";
import { UserError } from "../../src/base/errors.ts";
import { keyedRandom, type Random } from "../../src/base/random.ts";
import type { IndexedSource } from "./types.ts";
import { listedSource } from "./listed.ts";

/** Side of the images, pixels. */
const SIZE = 32;
const DEFAULT_LENGTH = 6000;
/** The key of the random draws. It changes with the drawing, so that the fingerprint tells versions apart. */
const VERSION = 1;
/** Standard deviation of the noise, the same for all images: otherwise two views would share its strength. */
const NOISE = .06;

/** Signed distance from (x, y) to the edge of a shape that fills the unit disc; negative inside. */
type Figure = (x: number, y: number) => number;

const disc = (x: number, y: number, radius: number) => Math.hypot(x, y) - radius;
/** An upright rectangle around the origin. The distance is exact except beyond the corners, where it is close enough. */
const box = (x: number, y: number, w: number, h: number) => Math.max(Math.abs(x) - w, Math.abs(y) - h);

/** The classes with their shapes. The areas are similar, so that brightness says little. */
const figures: Record<string, Figure> = {
  disc: (x, y) => disc(x, y, .8),
  square: (x, y) => box(x, y, .72, .72),
  triangle: (x, y) => Math.max(y - .5, Math.abs(x) * .866 - y * .5 - .5),
  star: (x, y) => {
    // Five-fold symmetry: the point is mapped to the upper right half of one arm, bounded by a straight line.
    const turn = 2 * Math.PI / 5;
    const angle = Math.abs(Math.atan2(x, -y) - turn * Math.round(Math.atan2(x, -y) / turn));
    const radius = Math.hypot(x, y);
    const slope = .42 * Math.sin(turn / 2) / (1.05 - .42 * Math.cos(turn / 2));
    const across = radius * Math.sin(angle), along = radius * Math.cos(angle);
    return (across - slope * (1.05 - along)) / Math.hypot(1, slope);
  },
  ring: (x, y) => Math.abs(disc(x, y, .75)) - .22,
  cross: (x, y) => Math.min(box(x, y, .95, .27), box(x, y, .27, .95)),
  bars: (x, y) => Math.min(box(x, y, .17, .85), box(Math.abs(x) - .68, y, .17, .85)),
  dots: (x, y) => disc(Math.abs(x) - .55, Math.abs(y) - .55, .36),
  "half disc": (x, y) => Math.max(disc(x, y - .4, 1), y - .4),
  outline: (x, y) => Math.abs(box(x, y, .68, .68)) - .17,
};

/** Opens the data set with as many images as the text `length` says. */
export async function openShapes(length = String(DEFAULT_LENGTH)): Promise<IndexedSource> {
  if (!/^[1-9]\d{0,6}$/.test(length)) {
    throw new UserError(
      `Cannot open the data source "shapes:${length}": "${length}" is not a number of images. Give a number from 1 to ` +
        `9999999 after the colon.`,
    );
  }
  const classes = Object.keys(figures);
  const cache: Uint8Array[] = [];
  return await listedSource({
    name: "shapes",
    items: Array.from(
      { length: Number(length) },
      (_, index) => ({ key: `shapes/${index}`, label: index % classes.length }),
    ),
    classes,
    identity: `shapes ${VERSION} ${length}`,
    bytes: async ({ label }, index) => cache[index] ??= await toJpeg(drawShape(label, index)),
  });
}

/** Draws image `index` of class `label`: RGBA, [SIZE, SIZE, 4]. */
function drawShape(label: number, index: number): Uint8ClampedArray<ArrayBuffer> {
  const random = keyedRandom(VERSION, index);
  const radius = random.between(7, 10);
  const position = () => random.between(radius * .85, SIZE - radius * .85);
  const centerX = position(), centerY = position(), angle = random.between(0, 2 * Math.PI);
  const cos = Math.cos(angle) / radius, sin = Math.sin(angle) / radius;
  const front = nearlyGray(random, { range: [.75, 1], tint: .04 });
  const back = nearlyGray(random, { range: [.06, .16], tint: .02 });
  const figure = Object.values(figures)[label];
  const pixels = new Uint8ClampedArray(SIZE * SIZE * 4);
  for (let y = 0, i = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++, i += 4) {
      const dx = x + .5 - centerX, dy = y + .5 - centerY;
      const distance = radius * figure(cos * dx + sin * dy, cos * dy - sin * dx);
      const cover = Math.min(1, Math.max(0, .5 - distance)); // the edge is one pixel wide: antialiased
      const grain = NOISE * random.normal();
      for (let c = 0; c < 3; c++) {
        const value = back[c] + cover * (front[c] - back[c]) + grain + .5 * NOISE * random.normal();
        pixels[i + c] = 255 * value;
      }
      pixels[i + 3] = 255;
    }
  }
  return pixels;
}

/** A color whose brightness is uniform in `range`, and whose channels differ from it by up to `tint`. */
function nearlyGray(random: Random, { range, tint }: { range: [number, number]; tint: number }): number[] {
  const value = random.between(...range);
  return [0, 1, 2].map(() => value + random.between(-tint, tint));
}

/** Baseline JPEG without optimization, which would make the encoder five times slower. */
async function toJpeg(data: Uint8ClampedArray<ArrayBuffer>): Promise<Uint8Array> {
  const image = { data, width: SIZE, height: SIZE, colorSpace: "srgb" } as ImageData;
  return new Uint8Array(await encode(image, { quality: 92, progressive: false, optimize_coding: false }));
}

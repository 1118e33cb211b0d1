/** Reads tests/golden/views.json and views.bin, which views.py writes with Pillow and torchvision. */
import type { ViewParameters } from "../../../data/views/draw.ts";
import type { DecodedImage } from "../../../data/views/resize.ts";
import type { Rgb } from "../../../data/views/recipe.ts";

interface Stored {
  type: "u8" | "f32";
  offset: number;
  length: number;
}
type Name = "large" | "small";

interface Golden {
  images: Record<Name, { width: number; height: number; data: Stored }>;
  mean: Rgb;
  std: Rgb;
  colors: Stored;
  resizes: { image: Name; crop: ViewParameters["crop"]; size: number; out: Stored }[];
  evaluations: { image: Name; turned: boolean; size: number; out: Stored }[];
  operations: { name: string; value: number; out: Stored }[];
  blurs: { size: number; kernelSize: number; sigma: number; image: Stored; out: Stored }[];
  views: { image: Name; size: number; parameters: ViewParameters; out: Stored }[];
}

const folder = new URL("../../golden/", import.meta.url);
const data = await Deno.readFile(new URL("views.bin", folder));

/** The cases, as views.py writes them. */
export const golden: Golden = JSON.parse(await Deno.readTextFile(new URL("views.json", folder)));

/** The stored array of bytes. */
export function bytes({ offset, length }: Stored): Uint8Array {
  return data.slice(offset, offset + length);
}

/** The stored array of floats. */
export function floats({ offset, length }: Stored): Float32Array {
  return new Float32Array(data.buffer, offset, length);
}

/** A stored image. */
export function image(name: Name): DecodedImage {
  const { width, height, data } = golden.images[name];
  return { width, height, data: opaque(bytes(data)) };
}

/** [.., 3] to the [.., 4] of a decoded image. */
export function opaque(values: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(
    { length: values.length / 3 * 4 },
    (_, i) => i % 4 < 3 ? values[(i >> 2) * 3 + i % 4] : 255,
  );
}

/** [.., 3] to the [.., 4] of a view; the fourth value is 7, so that a test sees a change. */
export function toFour(values: ArrayLike<number>): Float32Array {
  return Float32Array.from(
    { length: values.length / 3 * 4 },
    (_, i) => i % 4 < 3 ? values[(i >> 2) * 3 + i % 4] : 7,
  );
}

/** [.., 4] to [.., 3]. */
export function toThree(values: Float32Array): Float32Array {
  return values.filter((_, i) => i % 4 < 3);
}

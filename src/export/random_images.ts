/**
 * Random images, on which an exported model is compared with the encoder.
 *
 * @module
 */
import type { DecodedImage } from "../../data/views/resize.ts";
import { keyedRandom } from "../base/random.ts";
import type { Preparation } from "./onnx_preprocess.ts";

/** Seed of the images: the same ones for each export. */
const SEED = 8;

/** The random image `index` of `width` × `height` pixels: waves of all directions and some noise, so that edges are kept. */
export function randomImage(
  index: number,
  { width, height }: { width: number; height: number },
): DecodedImage {
  const random = keyedRandom(SEED, index), data = new Uint8Array(4 * width * height).fill(255);
  for (let c = 0; c < 3; c++) {
    const [fx, fy, phase] = [random.between(-.6, .6), random.between(-.6, .6), random.between(0, 6)];
    for (let i = 0; i < width * height; i++) {
      const wave = Math.sin(fx * (i % width) + fy * Math.floor(i / width) + phase);
      data[4 * i + c] = Math.round(127.5 + 100 * wave + random.between(-27, 27));
    }
  }
  return { width, height, data };
}

/** `image` as the network takes it on the GPU: normalized, [H, W, 4] with a fourth channel of 0. */
export function normalized({ data }: DecodedImage, { mean, std }: Preparation): Float32Array<ArrayBuffer> {
  return Float32Array.from(data, (value, i) => i % 4 === 3 ? 0 : (value / 255 - mean[i % 4]) / std[i % 4]);
}

/** Values of pixels [H, W, 4] as planes [3, H, W]. */
export function planesOf(values: ArrayLike<number>): Float32Array<ArrayBuffer> {
  const area = values.length / 4;
  return Float32Array.from(
    { length: 3 * area },
    (_, i) => values[4 * (i % area) + Math.floor(i / area)],
  );
}

/** The bytes of an image without its fourth channel, [H, W, 3]. */
export function rgbOf({ data }: DecodedImage): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: data.length / 4 * 3 }, (_, i) => data[4 * Math.floor(i / 3) + i % 3]);
}

/**
 * How fast the CPU decodes photos.
 *
 * @module
 */
import encode from "npm:@jsquash/jpeg@1.6.0/encode.js";
import { decodeImage } from "../../../data/decode.ts";
import { keyedRandom } from "../../base/random.ts";
import { defaultWorkers } from "../../config/default_values.ts";

/** How fast photos are decoded. */
export interface Decoding {
  /** Images per second by one Worker. */
  imagesPerSecond: number;
  /** Number of Workers that training uses by default. */
  workers: number;
  /** Size of the photos in pixels. */
  photo: { width: number; height: number };
}

/** The most common size in ImageNet. */
const PHOTO = { width: 500, height: 375 } as const;
const QUALITY = 90, SECONDS = 1;
/** Measures on this thread, which is as fast as a Worker. */
export async function measureDecoding(): Promise<Decoding> {
  const bytes = await photograph();
  await decodeImage(bytes); // compiles the decoder
  let count = 0;
  const begin = performance.now();
  while (performance.now() - begin < 1000 * SECONDS) {
    await decodeImage(bytes);
    count++;
  }
  return {
    imagesPerSecond: 1000 * count / (performance.now() - begin),
    workers: defaultWorkers(),
    photo: PHOTO,
  };
}

/** A JPEG of waves with some grain, with about the bytes of a photo of its size. */
async function photograph(): Promise<Uint8Array> {
  const { width, height } = PHOTO, random = keyedRandom(0);
  const data = new Uint8ClampedArray(width * height * 4).map((_, i) => {
    const x = (i >> 2) % width, y = Math.floor((i >> 2) / width), c = i & 3;
    return c === 3 ? 255 : 128 + 60 * Math.sin(x / (9 + 4 * c)) * Math.cos(y / 17) + 12 * random.normal();
  });
  const image = { width, height, data, colorSpace: "srgb" } as ImageData;
  return new Uint8Array(await encode(image, { quality: QUALITY }));
}

/** Copies the views of single images into the array of a batch. */
import type { Collated } from "./collate.ts";

/** A collated batch with its views in one array. */
export type Assembled = Omit<Collated, "images"> & { views: Float32Array<ArrayBuffer> };

/**
 * Returns a function that copies the views of a batch into one array, [view, n, …], and releases the images' buffers. The
 * array is reused once the returned batch is released.
 */
export function assembleViews(
  { batch, views, viewLength }: { batch: number; views: number; viewLength: number },
): (collated: Collated) => Assembled {
  const arrays: Float32Array<ArrayBuffer>[] = [];
  return ({ images, release, ...rest }) => {
    const whole = arrays.pop() ?? new Float32Array(views * batch * viewLength);
    const n = images.length;
    images.forEach((image, i) => {
      for (let v = 0; v < views; v++) {
        whole.set(image.views.subarray(v * viewLength, (v + 1) * viewLength), (v * n + i) * viewLength);
      }
    });
    release();
    return { ...rest, views: whole.subarray(0, views * n * viewLength), release: () => arrays.push(whole) };
  };
}

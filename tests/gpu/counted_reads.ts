import { sharedGpu } from "./shared.ts";

/** Counts how often `work` waits for the GPU to read something back. */
export async function countedReads(work: () => Promise<void>): Promise<number> {
  // Dawn's buffers have a class of their own.
  const buffer = (await sharedGpu()).device.createBuffer({ size: 16, usage: GPUBufferUsage.COPY_DST });
  const prototype: GPUBuffer = Object.getPrototypeOf(buffer), { mapAsync } = prototype;
  buffer.destroy();
  let reads = 0;
  prototype.mapAsync = function (...args) {
    reads++;
    return mapAsync.apply(this, args);
  };
  try {
    await work();
  } finally {
    prototype.mapAsync = mapAsync;
  }
  return reads;
}

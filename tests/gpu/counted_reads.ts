/** Counts how often `work` waits for the GPU to read something back. */
export async function countedReads(work: () => Promise<void>): Promise<number> {
  const { mapAsync } = GPUBuffer.prototype;
  let reads = 0;
  GPUBuffer.prototype.mapAsync = function (...args) {
    reads++;
    return mapAsync.apply(this, args);
  };
  try {
    await work();
  } finally {
    GPUBuffer.prototype.mapAsync = mapAsync;
  }
  return reads;
}

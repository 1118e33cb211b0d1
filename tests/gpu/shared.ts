/** The device that a test file shares. Deno's sanitizers count devices as leaks, so it is opened once and kept. */
import { type Gpu, openGpu } from "../../src/gpu/device.ts";
import { pinned, type Target, targetOf } from "../../src/graph/target.ts";

let gpu: Promise<Gpu> | undefined;

/** The machine's GPU, opened by the first test that asks. */
export function sharedGpu(): Promise<Gpu> {
  return gpu ??= openGpu();
}

/** Kernels to test wherever the adapter can run them. */
const FAMILIES = ["subgroup8", "blocked"];

/** The shared GPU with each family of kernels pinned, if it can run them. */
export async function targets(): Promise<(Target & { family: string })[]> {
  const gpu = await sharedGpu();
  return FAMILIES.filter((family) => family !== "subgroup8" || gpu.subgroupSize === 8).map((family) => ({
    ...targetOf(gpu, pinned(family)),
    // Batch normalisation reads buffers where there are no subgroups of 8.
    subgroupSize: family === "subgroup8" ? 8 : 0,
    family,
  }));
}

/** Options of tests that use the shared GPU. */
export const onGpu = { sanitizeResources: false, sanitizeOps: false };

/** The device that a test file shares. Deno's sanitizers count devices as leaks, so it is opened once and kept. */
import { type Gpu, openGpu } from "../../src/gpu/device.ts";

let gpu: Promise<Gpu> | undefined;

/** The machine's GPU, opened by the first test that asks. */
export function sharedGpu(): Promise<Gpu> {
  return gpu ??= openGpu();
}

/** How the shared GPU picks kernels: as it is, and as an adapter without subgroups. */
export async function targets(): Promise<{ subgroupSize: number; maxGrid: number }[]> {
  const { subgroupSize, limits: { maxGrid } } = await sharedGpu();
  return [...new Set([subgroupSize, 0])].map((size) => ({ subgroupSize: size, maxGrid }));
}

/** Options of tests that use the shared GPU. */
export const onGpu = { sanitizeResources: false, sanitizeOps: false };

/** The device that a test file shares. Deno's sanitizers count devices as leaks, so it is opened once and kept. */
import { type Gpu, openGpu } from "../../src/gpu/device.ts";
import {
  type ChoosingProfile,
  deviceProfileOf,
  type KernelChooser,
  pinned,
} from "../../src/graph/kernel_choice.ts";

let gpu: Promise<Gpu> | undefined;

/** The machine's GPU, opened by the first test that asks. */
export function sharedGpu(): Promise<Gpu> {
  return gpu ??= openGpu().then((opened) => {
    // Mesa's threads must not outlive what the process tears down as it ends.
    globalThis.addEventListener("unload", () => opened[Symbol.dispose]());
    return opened;
  });
}

/** Kernels to test wherever the adapter can run them. */
export const FAMILIES = ["subgroup8", "subgroup8-32x64", "blocked"];

/** All variants of convolutions: most of the other tests see no difference between them. */
export const CONVOLUTIONS = [
  ...FAMILIES,
  "tiled-128x128",
  "tiled-64x64",
  "tiled-128x128 split",
  "tiled-64x64 split",
];

/** The families, and the kernels that a hardware adapter takes if none is pinned. */
const TARGETS = [...FAMILIES, "hardware"];

/**
 * The shared GPU with each of the families of kernels pinned, if it can run them. On any adapter, the kernels that are not
 * of a family get the shapes of a hardware adapter beside those for hardware, and of a software adapter beside others.
 */
export async function targets(
  families: readonly string[] = TARGETS,
): Promise<(ChoosingProfile & { family: string })[]> {
  const gpu = await sharedGpu();
  const canRun = (family: string) =>
    family.startsWith("subgroup8") ? gpu.subgroupSize === 8 : !family.startsWith("matrix") || gpu.matrixUnits;
  return families.filter(canRun).map((family) => ({
    ...deviceProfileOf(gpu, exactly(family)),
    // Batch normalization reads buffers where there are no subgroups of 8.
    subgroupSize: family.startsWith("subgroup8") ? 8 : 0,
    software: !/^(tiled|matrix|hardware)/.test(family),
    family,
  }));
}

/** Picks the variant of that name, otherwise one of that family, otherwise one without the split. */
function exactly(name: string): KernelChooser {
  return (choice) =>
    name in choice.variants ? name : pinned(name)(choice) ?? pinned(name.replace(" split", ""))(choice);
}

/** Options of tests that use the shared GPU. */
export const onGpu = { sanitizeResources: false, sanitizeOps: false };

/** A test of float16, skipped where the adapter has none. */
export function halfTest(name: string, test: () => Promise<void>): void {
  Deno.test(name, onGpu, async () => {
    if ((await sharedGpu()).halfPrecision) await test();
    else console.log("Skipped: the adapter has no float16.");
  });
}

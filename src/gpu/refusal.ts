/**
 * Work that the device may refuse without ending the run.
 *
 * @module
 */
import { MachineError } from "../base/errors.ts";
import { locateError } from "./compile_errors.ts";
import type { Gpu } from "./device.ts";

const FILTERS: readonly GPUErrorFilter[] = ["validation", "out-of-memory", "internal"];

/**
 * Calls `work`, which submits something or makes pipelines and buffers, and resolves to what the device has against it,
 * or to null. What it reports is not the run's error then. A lost device is: {@linkcode Gpu.check} tells.
 */
export async function refusalOf({ device, modules }: Gpu, work: () => void): Promise<string | null> {
  for (const filter of FILTERS) device.pushErrorScope(filter);
  let thrown: string | null = null;
  let scopes: Promise<(GPUError | null)[]>;
  try {
    work();
  } catch (error) {
    if (!(error instanceof MachineError)) throw error;
    thrown = error.message;
  } finally {
    scopes = Promise.all(FILTERS.map(() => device.popErrorScope().catch(() => null)));
  }
  const reported = (await scopes).find((error) => error !== null);
  return thrown ?? (reported ? locateError(reported.message, modules) : null);
}

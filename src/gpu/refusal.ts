/**
 * Work that the device may reject without ending the run.
 *
 * @module
 */
import { MachineError } from "../base/errors.ts";
import { locateError } from "./compile_errors.ts";
import type { Gpu } from "./device.ts";

const FILTERS: readonly GPUErrorFilter[] = ["validation", "out-of-memory", "internal"];

/**
 * Calls `work`, which submits something or creates pipelines and buffers, and resolves to the device's error, or to null.
 * That error does not end the run. A lost device does: see {@linkcode Gpu.check}.
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

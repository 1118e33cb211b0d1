/**
 * The kernels of an evaluation.
 *
 * @module
 */
import { pinnedChooser } from "../config/kernel_pin.ts";
import type { Gpu } from "../gpu/device.ts";
import type { Dispatch } from "../graph/dispatch_list.ts";
import type { ChoosingProfile, KernelChooser } from "../graph/kernel_choice.ts";
import { type Decision, tune } from "../graph/tuner.ts";
import { openTuningCache } from "../io/tuning_cache.ts";
import type { EvaluateOptions } from "./types.ts";

/** Traces work for a machine. */
export type Trace = (target: ChoosingProfile) => { dispatches: readonly Dispatch[] };

/** Chooses the kernels of a trace. What has to be timed for that is timed when called, and remembered. */
export type ChooseKernels = (trace: Trace) => Promise<KernelChooser | undefined>;

/** Opens the choice of kernels on `gpu` by the options `kernels` and `precision`. */
export async function openKernelChoice(
  gpu: Gpu,
  { kernels = "auto", precision, log }: Pick<EvaluateOptions, "kernels" | "precision"> & {
    log: (line: string) => void;
  },
): Promise<ChooseKernels> {
  if (kernels !== "auto") return () => Promise.resolve(pinnedChooser({ kernels, precision }, gpu));
  const cache = await openTuningCache<Decision>();
  return async (trace) => {
    const chooser = await tune(gpu, trace, { cache, report: log });
    await cache.save();
    return chooser;
  };
}

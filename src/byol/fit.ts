/**
 * Whether a configuration fits a machine, and if not, the largest batch that does. Nothing is allocated to find out.
 *
 * @module
 */
import { traceTraining, type TrainerOptions } from "./trace_training.ts";
import { MachineError } from "../base/errors.ts";
import type { Limits } from "../gpu/device.ts";
import { liveBudget, obstacleTo, type Plan, planMemory } from "../graph/plan.ts";
import type { ChoosingProfile } from "../graph/kernel_choice.ts";

/** A machine: the profile that kernels are chosen for, and its limits. */
export interface Machine {
  target: ChoosingProfile;
  limits: Limits;
}

/** The result of planning a run. */
export interface Fit {
  /** Null if the step could not even be traced. */
  trace: ReturnType<typeof traceTraining> | null;
  plan: Plan | null;
  /** Why the run would be refused, as a sentence; null if it fits. */
  obstacle: string | null;
}

/** Plans training with `options` on `machine`. */
export function fitOf(options: TrainerOptions, { target, limits }: Machine): Fit {
  const views = 2 * options.batch * options.size ** 2 * 16;
  if (views > limits.maxBuffer) {
    // Before such a batch is traced: it may be a typo, and fall into thousands of pieces.
    const obstacle =
      `Cannot train on this GPU: the views of a batch take ${views} bytes, and a buffer has at most ` +
      `${limits.maxBuffer}.`;
    return { trace: null, plan: null, obstacle };
  }
  try {
    const trace = traceTraining(options, target);
    const plan = planMemory(trace.step.dispatches, [], {
      budget: liveBudget(options.recompute ?? "auto", target),
      maxTexture: limits.maxTexture,
    });
    const obstacle = obstacleTo(plan, limits);
    return { trace, plan, obstacle: obstacle && `Cannot train on this GPU: ${obstacle}.` };
  } catch (error) {
    // Without float16 no batch fits.
    if (!(error instanceof MachineError) || error.problem === "precision") throw error;
    return { trace: null, plan: null, obstacle: error.message.replace(/\.?$/, ".") };
  }
}

/** The largest batch below that of `options` with which they fit `machine`; null if there is none. */
export function largestBatch(options: TrainerOptions, machine: Machine): number | null {
  // Recomputation changes the memory of a run, but not its largest buffer, binding, texture or grid.
  const fits = (batch: number) => fitOf({ ...options, batch, recompute: "never" }, machine).obstacle === null;
  // Halve down to a batch that fits, then bisect up to the last that does not: tracing large batches takes longest.
  let least = options.batch, most = options.batch;
  do {
    most = least;
    least = Math.floor(most / 2);
    if (least < SMALLEST_BATCH) return null;
  } while (!fits(least));
  while (most - least > 1) {
    const middle = (least + most) >> 1;
    if (fits(middle)) least = middle;
    else most = middle;
  }
  return least;
}

/** Batch normalization after the pooling needs two images per view. */
const SMALLEST_BATCH = 2;

/** The error of a run that `obstacle` prevents: it names the largest batch that fits. */
export function refusal(obstacle: string, options: TrainerOptions, machine: Machine): MachineError {
  const batch = largestBatch(options, machine);
  return batch
    ? new MachineError(`${obstacle} The largest batch that fits is ${batch}.`)
    : new MachineError(`${obstacle} No smaller batch fits either.`, { problem: "size" });
}

/**
 * Throws unless training with `options` fits `machine`.
 *
 * @throws {MachineError} naming the largest batch that fits.
 */
export function expectFit(options: TrainerOptions, machine: Machine): void {
  const { obstacle } = fitOf(options, machine);
  if (obstacle) throw refusal(obstacle, options, machine);
}

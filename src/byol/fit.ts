/**
 * Whether a configuration fits a machine, and if not, the largest batch that does. Nothing is allocated to find out.
 *
 * @module
 */
import { traceTraining, type TrainerOptions } from "./trainer.ts";
import { MachineError } from "../base/errors.ts";
import type { Limits } from "../gpu/device.ts";
import { liveBudget, obstacleTo, type Plan, planMemory } from "../graph/plan.ts";
import type { Target } from "../graph/kernel_choice.ts";

/** The machine in question: what kernels are chosen by, and what it can hold. */
export interface Machine {
  target: Target;
  limits: Limits;
}

/** What came of planning a run. */
export interface Fit {
  /** Null if not even a trace could be made. */
  trace: ReturnType<typeof traceTraining> | null;
  plan: Plan | null;
  /** Why the run would be refused, in a sentence; null if it fits. */
  obstacle: string | null;
}

/** Plans training with `options` on `machine`. */
export function fitOf(options: TrainerOptions, { target, limits }: Machine): Fit {
  const views = 2 * options.batch * options.size ** 2 * 16;
  if (views > limits.maxBuffer) {
    // Said before such a batch is traced: it may be a slip of the keyboard, and fall into thousands of pieces.
    const obstacle =
      `Cannot train on this GPU as the views of a batch take ${views} bytes and a buffer has at most ` +
      `${limits.maxBuffer}.`;
    return { trace: null, plan: null, obstacle };
  }
  try {
    const trace = traceTraining(options, target);
    const plan = planMemory(trace.step.dispatches, [], {
      budget: liveBudget(options.recompute ?? "auto", target),
    });
    const obstacle = obstacleTo(plan, limits);
    return { trace, plan, obstacle: obstacle && `Cannot train on this GPU as ${obstacle}.` };
  } catch (error) {
    if (!(error instanceof MachineError)) throw error;
    return { trace: null, plan: null, obstacle: error.message.replace(/\.?$/, ".") };
  }
}

/** The largest batch below that of `options` with which they fit `machine`; null if none does. */
export function largestBatch(options: TrainerOptions, machine: Machine): number | null {
  // What is recomputed changes how much memory a run takes, but not the largest buffer, binding, texture or grid.
  const fits = (batch: number) => fitOf({ ...options, batch, recompute: "never" }, machine).obstacle === null;
  // By halves down to a batch that fits, then by halves between it and the last that does not: large ones take longest.
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

/** Batch normalisation after the pooling needs two images in each view. */
const SMALLEST_BATCH = 2;

/** `obstacle`, and the largest batch that does not meet it. */
export function refusal(obstacle: string, options: TrainerOptions, machine: Machine): string {
  const batch = largestBatch(options, machine);
  return batch
    ? `${obstacle} The largest batch that fits is ${batch}.`
    : `${obstacle} No smaller batch fits either: lower --size, --decode-size, --hidden or --projection.`;
}

/**
 * Throws unless training with `options` fits `machine`.
 *
 * @throws {MachineError} that names the largest batch that does.
 */
export function expectFit(options: TrainerOptions, machine: Machine): void {
  const { obstacle } = fitOf(options, machine);
  if (obstacle) throw new MachineError(refusal(obstacle, options, machine));
}

/**
 * Checks of a whole training step: against PyTorch, and for the same bits each time.
 *
 * @module
 */
import type { Gpu } from "../../gpu/device.ts";
import type { ChoosingProfile } from "../../graph/kernel_choice.ts";
import { relativeError } from "../../reference/compare.ts";
import type { Check } from "./check.ts";
import {
  gradientDifference,
  type Replay,
  replay,
  type Replayed,
  SHIPPED_ARCHITECTURE,
  shippedSteps,
  type TorchSteps,
} from "./torch_replay.ts";

/** The checks for the machine `target`. */
export async function stepChecks(target: ChoosingProfile): Promise<Check[]> {
  const steps = await shippedSteps();
  const traced = replay({
    metadata: steps.metadata,
    architecture: SHIPPED_ARCHITECTURE,
    optimizer: "sgd",
    target,
  });
  const { dispatches } = traced;
  return [
    { what: "training steps against PyTorch", dispatches, run: (gpu) => againstTorch(steps, traced, gpu) },
    sameTwice("the same step twice, to the bit", traced),
  ];
}

/** A check of a step for the same bits each time. */
export function sameTwice(what: string, traced: Replay): Check {
  return { what, dispatches: traced.dispatches, relative: true, run: (gpu) => twice(traced, gpu) };
}

/** Relative error of the first loss, whose rounding nothing has amplified yet. */
const FIRST_LOSS_ERROR = 1e-5;
/** Allowed error of a group of tensors after ten steps, as a multiple of PyTorch's own in float32. */
const ERRORS = 3;

async function againstTorch(steps: TorchSteps, { run }: Replay, gpu: Gpu) {
  const { losses, losses_float32: float32, errors } = steps.metadata;
  const { losses: ours, gradients, groups } = await run(gpu, losses.length);
  if (!(Math.abs(ours[0] / losses[0] - 1) < FIRST_LOSS_ERROR)) {
    return `the first loss is ${ours[0]}, expected ${losses[0]}`;
  }
  const wrong = gradientDifference(gradients, steps);
  if (wrong) return wrong;
  const off = relativeError(ours, losses), allowed = ERRORS * relativeError(float32, losses);
  if (!(off <= allowed)) return `the losses of ten steps are off by ${off}, allowed is ${allowed}`;
  for (const [group, tensors] of Object.entries(groups)) {
    const actual: number[] = [], expected: number[] = [];
    for (const [name, { data }] of tensors) {
      actual.push(...data);
      expected.push(...steps.tensors.get(name)!.data);
    }
    const off = relativeError(actual, expected), allowed = ERRORS * errors[group as keyof typeof errors];
    if (!(off <= allowed)) return `${group} after ten steps is off by ${off}, allowed is ${allowed}`;
  }
  return null;
}

async function twice({ run }: Replay, gpu: Gpu) {
  const [first, second] = [await run(gpu, 1), await run(gpu, 1)].map(bitsByName);
  for (const [name, bits] of first) {
    const others = second.get(name)!, i = bits.findIndex((value, i) => value !== others[i]);
    if (i >= 0) return `${name}[${i}] has the bits ${bits[i].toString(16)}, then ${others[i].toString(16)}`;
  }
  return null;
}

function bitsByName({ losses, gradients, groups }: Replayed): Map<string, Uint32Array> {
  const tensors = [...gradients, ...Object.values(groups).flatMap((group) => [...group])];
  return new Map([
    ["loss", new Uint32Array(Float32Array.from(losses).buffer)],
    ...tensors.map(([name, { data }]) => [name, new Uint32Array(data.slice().buffer)] as const),
  ]);
}

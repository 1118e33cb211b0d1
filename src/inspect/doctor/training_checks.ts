/**
 * Checks of the parts of a step beside networks and loss: metrics, averaged gradients, the optimizer.
 *
 * @module
 */
import { Memory, type Store } from "../../gpu/memory.ts";
import { Program } from "../../graph/program.ts";
import type { ChoosingProfile } from "../../graph/kernel_choice.ts";
import { sizeOf, tensorIn } from "../../graph/tensor.ts";
import { constant } from "../../nn/init.ts";
import { vectorLayout } from "../../nn/layout.ts";
import { createNetwork, type FlatStore, type Network, Scope } from "../../nn/parameters.ts";
import { accumulateMean } from "../../ops/accumulate.ts";
import { stepMetrics } from "../../ops/step_metrics.ts";
import { weightHealth } from "../../ops/weight_health.ts";
import { createLossScale } from "../../optim/loss_scale.ts";
import { createOptimizer, type OptimizerName, packStep, STEP_BYTES } from "../../optim/optimizer.ts";
import { channelStatistics } from "../../reference/batch_norm.ts";
import { differenceOf, withHalfRounding } from "../../reference/compare.ts";
import { cosine } from "../../reference/cosine.ts";
import { hashSigned } from "../../reference/hash.ts";
import { optimizerStep } from "../../reference/optimizer.ts";
import { type Check, checkCall, compareAll } from "./check.ts";
import { newOpTape } from "./op_run.ts";

/** The checks for the machine `target`. */
export function trainingChecks(target: ChoosingProfile): Check[] {
  return [
    accumulation(target),
    metrics(target),
    health(target),
    optimizerCheck("sgd", target),
    optimizerCheck("lars", target),
  ];
}

const SCALARS = { lr: 0.3, momentum: 0.9, weightDecay: 0.05, tau: 0.8 };
export const SLOTS = 5, SLOT = 3;

/** The step's scalars as the values of a tensor. */
export function stepValues(part: number): Float32Array {
  return new Float32Array(packStep({ ...SCALARS, slot: SLOT, part }).buffer);
}

function accumulation(target: ChoosingProfile): Check {
  const blocks = 67, batches = 3;
  const mean = hashSigned("mean", blocks * 64), addend = hashSigned("addend", blocks * 64);
  return checkCall("accumulateMean", {
    target,
    values: { mean, addend, step: stepValues(1) },
    call: {
      shapes: { mean: [blocks, 64], addend: [blocks, 64], step: [8] },
      uniform: "step",
      op: (tape, { mean, addend, step }) => accumulateMean(tape, { mean, from: addend, step }, { batches }),
    },
    compare: compareAll({ mean: mean.map((value, i) => value + addend[i] / batches) }, { absolute: 2e-7 }),
  });
}

function metrics(target: ChoosingProfile): Check {
  const N = 67, D = 132, rows = 2 * N;
  const losses = hashSigned("losses", rows).map((u) => 2 + u), z = hashSigned("z", rows * D);
  const unit = z.map((value, i) => value / Math.hypot(...z.subarray(i - i % D, i - i % D + D)));
  const { variance } = channelStatistics(unit, { rows, C: D });
  const ring = hashSigned("ring", 4 * SLOTS), expected = ring.slice();
  expected.set([
    losses.reduce((a, b) => a + b) / N,
    variance.reduce((sum, v) => sum + Math.sqrt(v) / D, 0),
  ], 4 * SLOT);
  return checkCall("stepMetrics", {
    target,
    values: { losses, z, ring, step: stepValues(0) },
    call: {
      shapes: { losses: [rows], z: [rows, D], ring: [SLOTS, 4], step: [8] },
      uniform: "step",
      op: (tape, { losses, z, ring, step }) => stepMetrics(tape, { losses, z, ring, step }, { batches: 1 }),
    },
    compare: compareAll({ ring: expected }, { relative: 4e-6 }),
  });
}

function health(target: ChoosingProfile): Check {
  const blocks = 300, paired = 129;
  const gradient = hashSigned("gradient", 64 * blocks), theta = hashSigned("theta", 64 * blocks);
  const xi = hashSigned("xi", 64 * paired).map((u, i) => 0.5 * theta[i] + 0.1 * u);
  const ring = hashSigned("ring", 4 * SLOTS), expected = ring.slice();
  const norm = Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0));
  expected.set([norm, cosine([theta, 0], [xi, 0], 64 * paired)], 4 * SLOT + 2);
  return checkCall("weightHealth", {
    target,
    values: { gradient, theta, xi, ring, step: stepValues(0) },
    call: {
      shapes: { gradient: [blocks, 64], theta: [blocks, 64], xi: [paired, 64], ring: [SLOTS, 4], step: [8] },
      uniform: "step",
      op: (tape, { gradient, theta, xi, ring, step }) =>
        weightHealth(tape, { gradient, theta, xi, ring, step }),
    },
    compare: compareAll({ ring: expected }, { absolute: 1e-6, relative: 1e-6 }),
  });
}

/** Parameters that end within blocks or fill them, with and without weight decay; the last two have no target. */
const PARAMETERS = [[3000], [50, 50], [64], [70, 80], [1], [9, 9]], FOLLOWED = 4, TRUST = 0.02;

/** The loss scale of an optimizer with copies, and so the factor of its gradients. */
const SCALE = 2 ** 7;

/** One step of the optimizer `name`, with all its features; with `halves` it writes copies of the weights in float16. */
export function optimizerCheck(
  name: OptimizerName,
  target: ChoosingProfile,
  { halves = false }: { halves?: boolean } = {},
): Check {
  const online = createNetwork("online", { gradients: true, halves });
  const follower = createNetwork("target", { gradients: false, halves });
  const lossScale = halves ? createLossScale({ scale: SCALE, slots: 1 }) : undefined;
  PARAMETERS.forEach((shape, i) => {
    const layout = { ...vectorLayout(sizeOf(shape)), shape, torchShape: shape };
    for (const network of i < FOLLOWED ? [online, follower] : [online]) {
      new Scope(network).parameter(`p${i}`, { layout, init: constant(0) });
    }
  });
  const { maxBinding } = target;
  const made = createOptimizer({ online, target: follower }, { name, maxBinding, trust: TRUST, lossScale });
  const scalars: Store = { name: "step", category: "input", bytes: STEP_BYTES, uniform: true };
  const tape = newOpTape(target);
  made.record(tape, tensorIn(scalars, { shape: [STEP_BYTES / 4] }));
  const stores = {
    theta: { flat: online.parameters, store: online.parameters.store },
    xi: { flat: follower.parameters, store: follower.parameters.store },
    momentum: { flat: online.parameters, store: made.velocity },
    gradient: { flat: online.parameters, store: online.gradients! },
  };
  return {
    what: `the optimizer ${name}${halves ? ", with copies in float16" : ""}`,
    dispatches: tape.dispatches,
    async run(gpu) {
      using memory = new Memory(gpu);
      using program = new Program(memory, tape);
      made.prepare(memory);
      memory.write(scalars, packStep({ ...SCALARS, slot: 0 }));
      for (const [what, { flat, store }] of Object.entries(stores)) {
        const values = filled(what, flat);
        memory.write(store, halves && what === "gradient" ? values.map((value) => value * SCALE) : values);
      }
      program.run();
      for (const what of ["theta", "xi", "momentum"] as const) {
        const { flat, store } = stores[what];
        const content = await memory.read({ store, offset: 0, bytes: store.bytes });
        const wrong = differenceAfterStep(what, { content, flat, lars: name === "lars" });
        if (wrong) return wrong;
      }
      return await differenceOfCopies(memory, online) ?? await differenceOfCopies(memory, follower);
    },
  };
}

/** Whether the copies of a network's weights, if there are any, are these rounded to float16. Waits for the GPU. */
async function differenceOfCopies(memory: Memory, { parameters, halves }: Network): Promise<string | null> {
  if (!halves) return null;
  const read = (store: Store) => memory.read({ store, offset: 0, bytes: store.bytes });
  const [weights, copies] = [await read(parameters.store), await read(halves)];
  const actual = new Float16Array(copies.buffer, 0, weights.length);
  return differenceOf(halves.name, { actual, expected: weights }, withHalfRounding({}));
}

/** Initial values of parameter `i`. Gradients grow along it, so that no part has the same ratio of norms as the whole. */
function firstValues(what: string, i: number): Float32Array {
  const n = sizeOf(PARAMETERS[i]), values = hashSigned(`${what} ${i}`, n);
  return what === "gradient" ? values.map((u, j) => u * (j + 1) / n) : values;
}

function filled(what: string, { store, variables }: FlatStore): Float32Array<ArrayBuffer> {
  const content = new Float32Array(store.bytes / 4);
  variables.forEach(({ tensor }, i) => content.set(firstValues(what, i), tensor.region!.offset / 4));
  return content;
}

function differenceAfterStep(
  what: "theta" | "xi" | "momentum",
  { content, flat, lars }: { content: Float32Array; flat: FlatStore; lars: boolean },
): string | null {
  for (const [i, { tensor }] of flat.variables.entries()) {
    const [theta, xi, momentum, gradient] = ["theta", "xi", "momentum", "gradient"].map((what) =>
      firstValues(what, i)
    );
    const isWeight = PARAMETERS[i].length > 1, { lr, momentum: mu, weightDecay, tau } = SCALARS;
    const expected = optimizerStep({ theta, xi, momentum, gradient }, {
      lr,
      mu,
      tau,
      decay: isWeight ? weightDecay : 0,
      trust: lars && isWeight ? TRUST : 0,
    })[what];
    const begin = tensor.region!.offset / 4;
    const actual = content.subarray(begin, begin + expected.length);
    const wrong = differenceOf(`${what} of parameter ${i}`, { actual, expected }, { absolute: 5e-7 });
    if (wrong) return wrong;
  }
  return null;
}

/**
 * Checks of what `--precision mixed` adds: kernels in float16, conversions, the loss scale, and a training step.
 *
 * @module
 */
import type { Gpu } from "../../gpu/device.ts";
import type { ChoosingProfile } from "../../graph/kernel_choice.ts";
import { addInto } from "../../ops/add.ts";
import { cast, toFloat32 } from "../../ops/cast.ts";
import { adjustLossScale, initialLossScale, LOSS_SCALE_WORDS, unscale } from "../../ops/loss_scale.ts";
import { sumParts } from "../../ops/sum_parts.ts";
import { createLossScale } from "../../optim/loss_scale.ts";
import { withHalfRounding } from "../../reference/compare.ts";
import { hashSigned } from "../../reference/hash.ts";
import {
  type Check,
  checkCall,
  checksOfReferenced,
  compareAll,
  type Referenced,
  roundedToHalf,
} from "./check.ts";
import { conv2dChecks } from "./conv2d_checks.ts";
import { convnextOps } from "./convnext_checks.ts";
import { layerOps } from "./layer_checks.ts";
import { sameTwice } from "./step_checks.ts";
import {
  gradientDifference,
  type Replay,
  replay,
  SHIPPED_ARCHITECTURE,
  shippedSteps,
  type TorchSteps,
} from "./torch_replay.ts";
import { optimizerCheck, SLOT, SLOTS, stepValues } from "./training_checks.ts";
import { halfViewChecks } from "./view_check.ts";

/** Layers whose kernels differ from each other: enough to tell whether a driver computes on float16. */
const FEW = ["batchNorm with a residual", "maxPool", "globalAveragePool"];

/** The checks for the machine `target`, none if it has no float16; with `all` of every layer, and of kernels that it never chooses. */
export async function halfChecks(target: ChoosingProfile, { all }: { all: boolean }): Promise<Check[]> {
  if (target.halfPrecision === false) return [];
  // Parts that are joined are float32.
  const { "batchNorm of many rows": _, ...layers } = { ...layerOps(), ...convnextOps() };
  const ops = Object.entries(layers).filter(([name]) => all || FEW.includes(name));
  return [
    ...sums(target),
    ...conversions(target),
    ...ops.flatMap(([name, op]) => checksOfReferenced(`${name}, in float16`, inHalf(op), target)),
    ...conv2dChecks(target, { all, half: true }),
    ...[false, true].map((overflow) => lossScaleCheck(target, overflow)),
    optimizerCheck("sgd", target, { halves: true }),
    ...all ? halfViewChecks(target) : [],
    ...await mixedSteps(target),
  ];
}

/** `op` with its activations, and the weights of its products, in float16. */
function inHalf(op: Referenced): Referenced {
  return { ...op, halves: ["x", "residual", "w"].filter((name) => name in op.shapes) };
}

const N = 7 * 256 + 4;

/** Sums in float16: computed in float32, rounded once. */
function sums(target: ChoosingProfile): Check[] {
  const parts = 5, terms = hashSigned("half parts", parts * N);
  const [into, from] = ["half into", "half from"].map((name) => roundedToHalf(hashSigned(name, N)));
  const total = new Float32Array(N);
  for (let i = 0; i < parts * N; i++) total[i % N] += terms[i];
  return [
    checkCall("addInto, in float16", {
      target,
      call: {
        shapes: { into: [N], from: [N] },
        halves: ["into", "from"],
        op: (tape, { into, from }) => addInto(tape, { into, from }),
      },
      values: { into, from },
      compare: compareAll({ into: into.map((value, i) => value + from[i]) }, withHalfRounding({})),
    }),
    checkCall("sumParts to float16", {
      target,
      call: {
        shapes: { parts: [parts, N], total: [N] },
        halves: ["total"],
        op: (tape, { parts, total }) => sumParts(tape, { parts, total }),
      },
      values: { parts: terms },
      compare: compareAll({ total }, withHalfRounding({})),
    }),
  ];
}

/** From float32 to float16 and back, with the gradient, which the loss scale enlarges. */
function conversions(target: ChoosingProfile): Check[] {
  const x = hashSigned("cast", N), dy = hashSigned("cast.dy", N).map((u) => u / 2 ** 20), scale = 2 ** 12;
  return [
    checkCall("float32 to float16", {
      target,
      call: {
        shapes: { x: [N / 4, 4], y: [N / 4, 4] },
        halves: ["y"],
        op: (tape, { x, y }) => cast(tape, { x, y }),
      },
      values: { x },
      compare: compareAll({ y: x }, withHalfRounding({})),
    }),
    checkCall("float16 to float32, with its gradient", {
      target,
      call: {
        shapes: { x: [N / 4, 4], lossScale: [LOSS_SCALE_WORDS] },
        halves: ["x"],
        op: (tape, { x, lossScale }) => toFloat32(tape, x, lossScale),
      },
      values: { x: roundedToHalf(x), lossScale: initialLossScale(scale) },
      dy,
      compare: compareAll(
        { y: roundedToHalf(x), dx: dy.map((value) => value * scale) },
        { y: {}, dx: withHalfRounding({}) },
      ),
    }),
  ];
}

/** Gradients are divided by the scale; one that is not finite halves it. */
function lossScaleCheck(target: ChoosingProfile, overflow: boolean): Check {
  const n = 67 * 64,
    scale = 2 ** 10,
    gradient = hashSigned("unscale", n),
    ring = hashSigned("scales", 2 * SLOTS);
  if (overflow) gradient[n - 3] = Infinity;
  const after = overflow ? scale / 2 : scale, expected = ring.slice();
  expected.set([scale, Number(overflow)], 2 * SLOT);
  return checkCall(overflow ? "the loss scale, of gradients that overflow" : "the loss scale", {
    target,
    values: { gradient, lossScale: initialLossScale(scale), ring, step: stepValues(0) },
    call: {
      shapes: { gradient: [n], lossScale: [LOSS_SCALE_WORDS], ring: [SLOTS, 2], step: [8] },
      uniform: "step",
      op(tape, { gradient, lossScale, ring, step }) {
        unscale(tape, { gradient, lossScale });
        adjustLossScale(tape, { lossScale, ring, step }, { growth: 2000 });
      },
    },
    compare: compareAll({
      lossScale: [after, 1 / after, Number(!overflow), Number(overflow), 0, 0, 0, 0],
      ring: expected,
      ...!overflow && { gradient: gradient.map((value) => value / scale) },
    }, {}),
  });
}

/**
 * How far a step in mixed precision may be from PyTorch's in float64: the first loss, and each gradient as a part of its norm.
 * Rounding to 2⁻¹¹ switches about that share of the ReLUs, and so the root of it of a gradient, 2 %, in each of some layers:
 * up to 9 % were measured, and a loss off by 4e-4.
 */
const LOSS_ERROR = 2e-3, GRADIENT_ERROR = .25;

async function mixedSteps(target: ChoosingProfile): Promise<Check[]> {
  const steps = await shippedSteps();
  const traced = replay({
    metadata: steps.metadata,
    architecture: SHIPPED_ARCHITECTURE,
    optimizer: "sgd",
    target,
    lossScale: createLossScale({ scale: 2 ** 10, slots: SLOTS }),
  });
  return [
    {
      what: "a training step in mixed precision",
      dispatches: traced.dispatches,
      run: (gpu) => againstTorch(steps, traced, gpu),
    },
    sameTwice("the same step in mixed precision twice, to the bit", traced),
  ];
}

async function againstTorch(steps: TorchSteps, { run }: Replay, gpu: Gpu): Promise<string | null> {
  const { losses: [ours], gradients } = await run(gpu, 1), [loss] = steps.metadata.losses;
  return Math.abs(ours / loss - 1) < LOSS_ERROR
    ? gradientDifference(gradients, steps, { relative: GRADIENT_ERROR, absolute: 1e-2 })
    : `the loss is ${ours}, expected ${loss}`;
}

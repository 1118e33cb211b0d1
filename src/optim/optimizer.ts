/**
 * SGD and LARS over the flat parameter store, with the target network's moving average in the same kernel.
 *
 *     g' = g + λ·θ        λ = 0 for parameters of one axis: biases, norms, layer scales
 *     v ← momentum · v + trust · g'
 *     θ ← θ − lr · v
 *     ξ ← τ·ξ + (1 − τ)·θ
 *
 * SGD has trust = 1. LARS (You et al. 2017) has trust = 1e-3 · ‖θ‖ / ‖g'‖ for each parameter of more than one axis; with
 * clipping, as solo-learn has it, at most 1 / lr of that: trust = min(c · ‖θ‖ / ‖g'‖ / lr, 1), and so lr · trust is the
 * smaller one of LARS's own rate and lr.
 *
 * @module
 */
import type { Memory, Store } from "../gpu/memory.ts";
import type { Tape } from "../graph/tape.ts";
import { type Tensor, tensorIn } from "../graph/tensor.ts";
import { type Copies, updateParameters } from "../ops/update.ts";
import { BLOCK_BYTES, blocksOf, type FlatParameters, isAdapted } from "./blocks.ts";
import { createLars } from "./lars.ts";
import type { LossScale } from "./loss_scale.ts";

/** The networks of an optimizer; the target's parameters, if any, pair with the first of the online network. */
export interface OptimizedNetworks {
  online: { parameters: FlatParameters; gradients: Store | null; halves?: Store | null };
  target: { parameters: FlatParameters; halves?: Store | null } | null;
}

/** The trust coefficient of the paper. */
const TRUST_COEFFICIENT = 1e-3;

/** How an optimizer updates. */
export interface OptimizerOptions {
  name: OptimizerName;
  /** Most bytes of a binding; a larger store is updated in parts. */
  maxBinding: number;
  /** Whether the target follows; otherwise it stays fixed. */
  ema?: boolean;
  /** Of LARS: the trust coefficient, the paper's if not given, and whether a parameter's rate is clipped at lr. */
  trust?: number;
  larsClip?: boolean;
  /** θ ← θ − lr · (trust · g' + momentum · v) in place of θ ← θ − lr · v. */
  nesterov?: boolean;
  /** Of networks with copies in float16, which the update keeps. */
  lossScale?: LossScale;
}

/** The rule that scales the gradient. */
export type OptimizerName = "sgd" | "lars";

/** An optimizer of one online network and, by moving average, its target. */
export interface Optimizer {
  /** Momentum, with the layout of the online network's parameters. */
  readonly velocity: Store;
  /** Writes the tables of the kernels. Call once before the first step. */
  prepare(memory: Memory): void;
  /** Appends the update; `step` holds the step's scalars, see {@linkcode StepScalars}. */
  record(tape: Tape, step: Tensor): void;
}

/** The scalars that change from step to step, in the order of the kernels' `Step` struct. */
export interface StepScalars {
  lr: number;
  momentum: number;
  weightDecay: number;
  tau: number;
  /** The slot of the ring for the step's metrics. */
  slot: number;
  /** The number of the current batch among those of the step, 0 for the first. */
  part?: number;
}

/** Bytes of the `Step` struct. */
export const STEP_BYTES = 32;

/** The bytes of the `Step` struct. 1 − τ is computed before rounding: at τ = .9999 float32 would keep three digits of it. */
export function packStep(
  { lr, momentum, weightDecay, tau, slot, part = 0 }: StepScalars,
): Uint8Array<ArrayBuffer> {
  const floats = new Float32Array(STEP_BYTES / 4);
  floats.set([lr, momentum, weightDecay, tau, 1 - tau]);
  new Uint32Array(floats.buffer).set([slot, part], 5);
  return new Uint8Array(floats.buffer);
}

/** A range of the parameter store, in bytes. */
interface Range {
  offset: number;
  bytes: number;
}

/** The optimizer of `online`, whose first parameters pair with those of `target`, if there is one. */
export function createOptimizer(
  { online, target }: OptimizedNetworks,
  { name, maxBinding, ema = true, trust = TRUST_COEFFICIENT, larsClip = false, nesterov = false, lossScale }:
    OptimizerOptions,
): Optimizer {
  const { store: thetaStore, variables } = online.parameters;
  const blockCount = thetaStore.bytes / BLOCK_BYTES;
  const store = (suffix: string, bytes: number): Store => ({ name: suffix, category: "optimizer", bytes });
  // The kernel always binds a target; without one, a single block stands in for it.
  const follows = target !== null && ema;
  const xiStore = target?.parameters.store ?? store("no target", BLOCK_BYTES);
  const velocity = store("momentum", thetaStore.bytes);
  const scales = store("trust and decay of each block", blockCount * 8);
  const lars = name === "lars" ? createLars(online.parameters, store) : null;
  const ranges = rangesOf(thetaStore, maxBinding);
  const copies = {
    theta: online.halves,
    xi: target?.halves ?? store("no copy of a target", BLOCK_BYTES),
    lossScale,
  };
  /** The tensors that a kernel over the store binds for one range. */
  const slice = ({ offset, bytes }: Range) => ({
    theta: tensorIn(thetaStore, { shape: [bytes / 4], offset }),
    gradient: tensorIn(online.gradients!, { shape: [bytes / 4], offset }),
    scales: tensorIn(scales, { shape: [bytes / BLOCK_BYTES, 2], offset: offset / BLOCK_BYTES * 8 }),
  });

  return {
    velocity,
    prepare(memory) {
      memory.write(scales, initialScales(variables, blockCount));
      lars?.prepare(memory);
      lossScale?.reset(memory);
    },
    record(tape, step) {
      for (const range of ranges) lossScale?.unscale(tape, slice(range).gradient);
      lars?.record(tape, {
        parts: ranges.map(({ offset, bytes }) => ({
          tensors: { ...slice({ offset, bytes }), step },
          block: offset / BLOCK_BYTES,
          end: (offset + bytes) / BLOCK_BYTES,
        })),
        scales: tensorIn(scales, { shape: [blockCount, 2] }),
        step,
      }, { coefficient: trust, clip: larsClip });
      for (const range of ranges) {
        const { xi, paired } = targetSlice(xiStore, range, follows);
        updateParameters(tape, {
          ...slice(range),
          velocity: tensorIn(velocity, { shape: [range.bytes / 4], offset: range.offset }),
          xi,
          step,
          copies: copySlices(copies, range, xi),
        }, { paired, ema: follows, nesterov });
      }
      lossScale?.adjust(tape, step);
    },
  };
}

/** `store` in ranges that a kernel can bind. Offsets into the table of blocks are aligned too: 64 blocks are 512 bytes there. */
function rangesOf({ bytes }: Store, maxBinding: number): Range[] {
  const length = bytes <= maxBinding ? bytes : Math.floor(maxBinding / BLOCK_BYTES / 64) * 64 * BLOCK_BYTES;
  const ranges: Range[] = [];
  for (let offset = 0; offset < bytes; offset += length) {
    ranges.push({ offset, bytes: Math.min(length, bytes - offset) });
  }
  return ranges;
}

/** The part of the target that a range of θ pairs with, and its elements. Beyond the target, its beginning is bound unused. */
function targetSlice(
  store: Store,
  { offset, bytes }: Range,
  follows: boolean,
): { xi: Tensor; paired: number } {
  const paired = follows ? Math.max(0, Math.min(bytes, store.bytes - offset)) : 0;
  const xi = tensorIn(store, {
    shape: [paired > 0 ? paired / 4 : Math.min(store.bytes, BLOCK_BYTES) / 4],
    offset: paired > 0 ? offset : 0,
  });
  return { xi, paired: paired / 4 };
}

/** The copies of a range of θ and of `xi`, and the loss scale; null for networks that compute in float32. */
function copySlices(
  { theta, xi: xiStore, lossScale }: { theta?: Store | null; xi: Store; lossScale?: LossScale },
  { offset, bytes }: Range,
  xi: Tensor,
): Copies | null {
  if (!theta || !lossScale) return null;
  return {
    thetaCopy: tensorIn(theta, { shape: [bytes / 4], type: "f16", offset: offset / 2 }),
    xiCopy: tensorIn(xiStore, { shape: xi.shape, type: "f16", offset: xi.region!.offset / 2 }),
    lossScale: lossScale.state,
  };
}

/** Trust 1 and, for adapted parameters, decay 1 of each block. */
function initialScales(
  variables: FlatParameters["variables"],
  blockCount: number,
): Float32Array<ArrayBuffer> {
  const table = new Float32Array(blockCount * 2);
  for (const variable of variables) {
    const { first, end } = blocksOf(variable);
    for (let b = first; b < end; b++) table.set([1, isAdapted(variable) ? 1 : 0], 2 * b);
  }
  return table;
}

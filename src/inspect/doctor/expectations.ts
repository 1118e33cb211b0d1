/**
 * What training would do on an adapter of these rates, by the plan of its steps.
 *
 * @module
 */
import { defaultDecodeSize, recipes } from "../../../data/views/recipe.ts";
import type { TrainerOptions } from "../../byol/trainer.ts";
import { fitOf, type Machine } from "../../byol/fit.ts";
import type { Limits } from "../../gpu/device.ts";
import { allocatedBytes } from "../../gpu/memory.ts";
import type { Plan } from "../../graph/plan.ts";
import type { Product } from "../../ops/conv2d_geometry.ts";
import type { PlannedDispatch } from "../../graph/texture_copies.ts";
import { sizeOf } from "../../graph/tensor.ts";
import { backbones } from "../../nn/backbones.ts";
import type { Rates } from "./rates.ts";

/** What to expect of one configuration. */
export interface Expectation {
  /** The backbone's name. */
  backbone: string;
  /** Pixels of the views' side. */
  size: number;
  /** Images of a batch. */
  batch: number;
  /** Source images a second. An estimate: kernels differ in how near they come to the rates. */
  imagesPerSecond: number;
  /** What a run of that batch takes. */
  bytes: number;
  /** A batch near the largest that the adapter's limits admit, at most 4,096. */
  largestBatch: number;
  /** What that takes: WebGPU does not tell how much memory there is. */
  largestBytes: number;
}

const CONFIGURATIONS = [
  { backbone: "resnet18", size: 32, batch: 128 },
  { backbone: "resnet18", size: 224, batch: 64 },
  { backbone: "resnet50", size: 224, batch: 64 },
] as const;

/** Batches are tried up to this size, and down to that one. */
const MOST = 4096, LEAST = 2;

/** What to expect of the usual configurations on `machine`; those that do not fit are left out. */
export function expectationsOn(machine: Machine, rates: Rates): Expectation[] {
  return CONFIGURATIONS.flatMap(({ backbone, size, batch }) => {
    const options = optionsOf(backbone, { size, batch });
    const usual = firstThatFits(options, machine);
    if (!usual) return [];
    const seconds = usual.plan.dispatches.reduce((sum, dispatch) => sum + secondsOf(dispatch, rates), 0);
    const likely = likelyLargest(usual, machine.limits);
    const largest = firstThatFits({ ...options, batch: likely }, machine) ?? usual;
    return [{
      backbone,
      size,
      batch: usual.batch,
      imagesPerSecond: usual.batch / seconds,
      bytes: usual.plan.total,
      largestBatch: largest.batch,
      largestBytes: largest.plan.total,
    }];
  });
}

interface Fitting {
  batch: number;
  plan: Plan;
}

/** The batch of `options` if it fits, else the first of its half, its quarter and so on that does. */
function firstThatFits(options: TrainerOptions, machine: Machine): Fitting | null {
  for (let { batch } = options; batch >= LEAST; batch = Math.floor(batch / 2)) {
    const { plan, obstacle } = fitOf({ ...options, batch }, machine);
    if (plan && obstacle === null) return { batch, plan };
  }
  return null;
}

/** The batch at which the largest buffer of `plan`, which is one of `batch`, would reach its limit. */
function likelyLargest({ batch, plan: { stores } }: Fitting, { maxBuffer }: Limits): number {
  const growing = stores.filter(({ category, name }) => category === "activations" || name === "views");
  const largest = Math.max(...growing.map(allocatedBytes));
  return Math.min(MOST, Math.max(batch, Math.floor(batch * maxBuffer / largest)));
}

/** Training with the defaults. */
function optionsOf(
  name: keyof typeof backbones,
  { size, batch }: { size: number; batch: number },
): TrainerOptions {
  const recipe = size > 64 ? recipes.byol : recipes.cifar, { views, mean, std } = recipe;
  return {
    architecture: {
      backbone: backbones[name],
      stem: size > 64 ? "imagenet" : "cifar",
      hidden: 4096,
      projection: 256,
    },
    batch,
    size,
    optimizer: "lars",
    loading: { views, mean, std, decodeSize: defaultDecodeSize(recipe, size) },
  };
}

/** A product takes what its sums take; all else what its memory traffic takes. */
function secondsOf({ dispatch, copies }: PlannedDispatch, rates: Rates): number {
  const { kernel, flops, tensors } = dispatch;
  const product: Product = kernel.name.includes("backward_data")
    ? "backwardData"
    : kernel.name.includes("backward_weights")
    ? "backwardWeights"
    : "forward";
  const bytes = dispatch.bytes ??
    [...new Set(tensors)].reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0);
  const copied = copies.reduce((sum, { from }) => sum + 2 * from.bytes, 0) / rates.copyBytes;
  const own = flops > 0 ? flops / rates.convolution[product] : bytes / rates.copyBytes;
  return rates.dispatch.gpuSeconds + copied + own;
}

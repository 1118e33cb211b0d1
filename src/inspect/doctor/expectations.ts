/**
 * Estimates of training speed and memory, from the plan of a step and the adapter's rates.
 *
 * @module
 */
import { defaultDecodeSize, recipes } from "../../../data/views/recipe.ts";
import type { TrainerOptions } from "../../byol/trace_training.ts";
import { fitOf, type Machine } from "../../byol/fit.ts";
import type { Limits } from "../../gpu/device.ts";
import { allocatedBytes } from "../../gpu/memory.ts";
import type { Plan } from "../../graph/plan.ts";
import type { Product } from "../../ops/conv2d_geometry.ts";
import type { PlannedDispatch } from "../../graph/texture_copies.ts";
import { sizeOf } from "../../graph/tensor.ts";
import { type BackboneName, backbones } from "../../nn/backbones.ts";
import type { Rates } from "./rates.ts";

/** The estimate for one configuration. */
export interface Expectation {
  /** The backbone's name. */
  backbone: string;
  /** Side of the views in pixels. */
  size: number;
  /** Images per batch. */
  batch: number;
  /** Source images per second. An estimate: kernels differ in how near they come to the rates. */
  imagesPerSecond: number;
  /** Bytes that a run with this batch takes. */
  bytes: number;
  /** About the largest batch within the adapter's limits, at most 4,096. */
  largestBatch: number;
  /** Bytes that a run with it takes. WebGPU does not report how much memory there is. */
  largestBytes: number;
}

const CONFIGURATIONS = [
  { backbone: "resnet18", size: 32, batch: 128 },
  { backbone: "resnet18", size: 224, batch: 64 },
  { backbone: "resnet50", size: 224, batch: 64 },
] as const;

/** The largest and the smallest batch to try. */
const MAX_BATCH = 4096, MIN_BATCH = 2;

/** Estimates for common configurations on `machine`, without those that do not fit. */
export function expectationsOn(machine: Machine, rates: Rates): Expectation[] {
  return CONFIGURATIONS.flatMap(({ backbone, size, batch }) => {
    const options = optionsOf(backbone, { size, batch });
    const fitting = firstThatFits(options, machine);
    if (!fitting) return [];
    const seconds = fitting.plan.dispatches.reduce((sum, dispatch) => sum + secondsOf(dispatch, rates), 0);
    const likely = likelyLargest(fitting, machine.limits);
    const largest = firstThatFits({ ...options, batch: likely }, machine) ?? fitting;
    return [{
      backbone,
      size,
      batch: fitting.batch,
      imagesPerSecond: fitting.batch / seconds,
      bytes: fitting.plan.total,
      largestBatch: largest.batch,
      largestBytes: largest.plan.total,
    }];
  });
}

interface Fitting {
  batch: number;
  plan: Plan;
}

/** The batch of `options`, or the first half, quarter and so on of it that fits. */
function firstThatFits(options: TrainerOptions, machine: Machine): Fitting | null {
  for (let { batch } = options; batch >= MIN_BATCH; batch = Math.floor(batch / 2)) {
    const { plan, obstacle } = fitOf({ ...options, batch }, machine);
    if (plan && obstacle === null) return { batch, plan };
  }
  return null;
}

/** The batch at which the largest buffer of `plan`, a plan for `batch`, would reach its limit. */
function likelyLargest({ batch, plan: { stores } }: Fitting, { maxBuffer }: Limits): number {
  const growing = stores.filter(({ category, name }) => category === "activations" || name === "views");
  const largest = Math.max(...growing.map(allocatedBytes));
  return Math.min(MAX_BATCH, Math.max(batch, Math.floor(batch * maxBuffer / largest)));
}

/** The options of training with default settings. */
function optionsOf(
  name: BackboneName,
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

/** Seconds of a dispatch: convolutions by their operations, others by their memory traffic. */
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

/**
 * What a run would use, without running it.
 *
 * @module
 */
import type { Precision } from "../nn/parameters.ts";
import { fitOf, type Machine, refusal } from "../byol/fit.ts";
import type { TrainerOptions } from "../byol/trace_training.ts";
import { messageWithAdvice } from "../config/advice.ts";
import { pinnedChooser } from "../config/kernel_pin.ts";
import type { PretrainOptions } from "../config/pretrain_options.ts";
import { IMAGES_PER_READ, traceFeatures } from "../eval/features.ts";
import { DEFAULT_LIMITS, type Gpu, openGpu } from "../gpu/device.ts";
import { gatheringBytes } from "../gpu/gathered_rows.ts";
import { deviceProfileOf } from "../graph/kernel_choice.ts";
import { planMemory } from "../graph/plan.ts";
import { sizeOf } from "../graph/tensor.ts";
import { optionsWithWeights } from "../run/initial_weights.ts";
import { evaluationRows, trainerOptions } from "../run/setup.ts";
import { formatRankPlan, MEASURED, stepCosts } from "./rank_plan.ts";

/** The plan of a run. */
export interface RunPlan {
  /** Name of the GPU it is for; null where there is none, and the plan holds for any. */
  adapter: string | null;
  /** Images per batch. */
  batch: number;
  /** Side of the views in pixels. */
  size: number;
  /** What is float16: nothing, or with "mixed" activations and their gradients. */
  precision: Precision;
  /** What a step takes; null if it could not even be traced. */
  step: StepPlan | null;
  /** Why the run would be refused, with the largest batch that fits; null if it fits. */
  refusal: string | null;
}

/** What a training step takes. */
export interface StepPlan {
  /** Bytes of GPU memory by category, the largest first. */
  bytes: { category: string; bytes: number }[];
  /** Bytes of GPU memory in total. */
  total: number;
  /** Parameters of the online network. */
  parameters: number;
  /** Dispatches of a step. */
  dispatches: number;
  /** Dispatches among these that recompute activations. */
  recomputed: number;
  /** The largest binding. */
  largest: { name: string; bytes: number };
  /** Bytes that an evaluation takes in addition. */
  evaluation: number;
}

/**
 * Plans a run with these options. Nothing is allocated, and no data is opened.
 *
 * @throws {UserError} on options that cannot be used.
 */
export async function planOf(given: PretrainOptions): Promise<RunPlan> {
  const { options, recipe } = await optionsWithWeights(given);
  using gpu = await openGpu().catch(() => null);
  const chooser = pinnedChooser(options, gpu);
  const training = { ...trainerOptions(options, recipe), chooser };
  return planTraining(gpu, training, { evaluated: evaluationRows(options) });
}

/**
 * Predicts the steps of up to `ranks` processes with these options, as a table.
 *
 * @throws {UserError} on options that cannot be used.
 */
export async function rankPlanOf(
  given: PretrainOptions,
  { ranks, network, tflops }: { ranks: number; network: number; tflops?: number },
): Promise<string> {
  const { options, recipe } = await optionsWithWeights(given);
  const costs = stepCosts(trainerOptions(options, recipe), deviceProfileOf(null));
  const gigaflops = tflops === undefined ? MEASURED.gigaflops : 1000 * tflops;
  return formatRankPlan(costs, { most: ranks, network, gigaflops });
}

/**
 * Plans training with `options` on `gpu`, whose kernels decide whether textures are copied; without one, on any.
 *
 * @param evaluated Images per batch of an evaluation.
 */
export function planTraining(
  gpu: Gpu | null,
  options: TrainerOptions,
  { evaluated }: { evaluated: number },
): RunPlan {
  const machine = { target: deviceProfileOf(gpu, options.chooser), limits: gpu?.limits ?? DEFAULT_LIMITS };
  const fit = fitOf(options, machine), { batch, size } = options;
  return {
    adapter: gpu?.name ?? null,
    batch,
    size,
    precision: options.precision ?? "f32",
    step: stepPlanOf(fit, { options, machine, evaluated }),
    refusal: fit.obstacle && messageWithAdvice(refusal(fit.obstacle, options, machine)),
  };
}

function stepPlanOf(
  { trace, plan }: ReturnType<typeof fitOf>,
  { options, machine, evaluated }: { options: TrainerOptions; machine: Machine; evaluated: number },
): StepPlan | null {
  if (!trace || !plan) return null;
  const { bytes, total, largest, dispatches } = plan, { network, encoder } = trace.networks.online;
  const { variables } = network.parameters;
  return {
    bytes: [...bytes].sort(([, a], [, b]) => b - a).map(([category, bytes]) => ({ category, bytes })),
    total,
    parameters: variables.reduce((sum, { layout }) => sum + sizeOf(layout.torchShape), 0),
    dispatches: dispatches.length,
    recomputed: dispatches.length - trace.step.dispatches.length,
    largest: { name: largest.name, bytes: largest.bytes },
    evaluation: evaluationBytes(encoder, { options, machine, evaluated }),
  };
}

/** Bytes of an evaluation beside the encoder's weights and statistics, which training has already. */
function evaluationBytes(
  encoder: Parameters<typeof traceFeatures>[1]["encoder"],
  { options: { size, loading }, machine, evaluated }: {
    options: TrainerOptions;
    machine: Machine;
    evaluated: number;
  },
): number {
  const { dispatches, features } = traceFeatures(machine.target, {
    encoder,
    batch: evaluated,
    size,
    loading,
  });
  const { total, bytes } = planMemory(dispatches, [features], machine.limits);
  const gathering = { dims: features.shape[1], batch: evaluated, rows: IMAGES_PER_READ };
  const shared = (bytes.get("parameters") ?? 0) + (bytes.get("statistics") ?? 0);
  return gatheringBytes(gathering) + total - shared;
}

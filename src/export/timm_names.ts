/**
 * The names of PyTorch Image Models, timm, for the tensors that torchvision calls otherwise.
 *
 * @module
 */
import type { StoredTensor } from "../io/safetensors.ts";
import type { BackboneConfig } from "../nn/backbones.ts";

/** The parts of a ConvNeXt's block: torchvision numbers them. */
const BLOCK_PARTS: Record<string, string> = { 0: "conv_dw", 2: "norm", 3: "mlp.fc1", 5: "mlp.fc2" };

/**
 * The state dictionary that timm's model of `config` has, from `tensors` under torchvision's names. For residual networks
 * the names are the same; there come the counters that PyTorch's batch normalizations have beside their statistics, as
 * readers that compare the names expect them.
 */
export function timmTensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  { block }: BackboneConfig,
): [string, StoredTensor][] {
  if (block === "convnext") return [...tensors].map(([name, tensor]) => convnextTensor(name, tensor));
  const counters = [...tensors.keys()].filter((name) => name.endsWith(".running_var"))
    .map((name): [string, StoredTensor] => [
      name.replace(/running_var$/, "num_batches_tracked"),
      { shape: [], data: BigInt64Array.of(0n) },
    ]);
  // First, so that they are aligned.
  return [...counters, ...tensors];
}

function convnextTensor(name: string, { shape, data }: StoredTensor): [string, StoredTensor] {
  const renamed = name
    .replace(/^classifier\.0/, "head.norm")
    .replace(/^features\.0/, "stem")
    .replace(
      /^features\.(\d+)\.(\d+)\.block\.(\d)/,
      (_, at, i, part) => `${blockOf(at, i)}.${BLOCK_PARTS[part]}`,
    )
    .replace(/^features\.(\d+)\.(\d+)\.layer_scale/, (_, at, i) => `${blockOf(at, i)}.gamma`)
    .replace(/^features\.(\d+)/, (_, at) => `stages.${at / 2}.downsample`);
  return [renamed, { shape: renamed.endsWith(".gamma") ? [data.length] : shape, data }];
}

/** torchvision's modules are in turn what halves the sides, and the blocks of a stage. */
const blockOf = (at: string, i: string) => `stages.${(Number(at) - 1) / 2}.blocks.${i}`;

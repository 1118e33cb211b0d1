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
  const [first, second, third, ...rest] = name.split("."), at = Number(second), stage = Math.floor(at / 2);
  if (first === "classifier") return [`head.norm.${rest.join(".")}`, { shape, data }];
  if (at === 0) return [["stem", third, ...rest].join("."), { shape, data }];
  if (at % 2 === 0) return [[`stages.${stage}.downsample`, third, ...rest].join("."), { shape, data }];
  const block = `stages.${stage}.blocks.${third}`, [, part, ...parameter] = rest;
  if (rest[0] === "layer_scale") return [`${block}.gamma`, { shape: [data.length], data }];
  return [[block, BLOCK_PARTS[part], ...parameter].join("."), { shape, data }];
}

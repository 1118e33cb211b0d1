/**
 * A network and its weights, as they are exported.
 *
 * @module
 */
import type { TensorEntry } from "../io/safetensors.ts";
import type { BackboneConfig, Stem } from "../nn/backbones.ts";

/** A network and its weights. */
export interface NetworkWeights<Config extends BackboneConfig = BackboneConfig> {
  config: Config;
  stem: Stem;
  /** The tensors by torchvision's names. */
  tensors: ReadonlyMap<string, TensorEntry>;
}

/** The tensor `name` of `network`. */
export function tensorOf({ tensors }: Pick<NetworkWeights, "tensors">, name: string): TensorEntry {
  const tensor = tensors.get(name);
  if (!tensor) throw new TypeError(`Cannot export the network: it lacks the tensor "${name}".`);
  return tensor;
}

/** What a network's graph is appended with. */
export interface AppendOptions<Config extends BackboneConfig = BackboneConfig> {
  network: NetworkWeights<Config>;
  /** Whether what follows a product of weights and only scales or shifts its channels becomes part of them. */
  fold: boolean;
  /** The name of the features. */
  name: string;
}

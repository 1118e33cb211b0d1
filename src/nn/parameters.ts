/**
 * The flat parameter store: all parameters of a network in one buffer, so that one kernel can update them all.
 *
 * A network is built by calling its layers' functions with a {@linkcode Scope}; each declares its parameters under
 * torchvision's names. Two networks built by the same calls have the same layout, so that the optimizer's kernel can pair a
 * parameter of the online network with the target's.
 *
 * @module
 */
import { ALIGNMENT, roundUp, type Store } from "../gpu/memory.ts";
import { sizeOf, type Tensor, tensorIn } from "../graph/tensor.ts";
import type { Random } from "../base/random.ts";
import type { Layout } from "./layout.ts";

/**
 * `f32`: all numbers are float32. `mixed`: activations, their gradients and the weights that products read are float16;
 * sums, statistics, losses, weights, momentum and the moving average are float32.
 */
export type Precision = "f32" | "mixed";

/** Fills a parameter with its initial values. */
export type Initializer = (values: Float32Array, random: Random) => void;

/** A named tensor of a network: a parameter, or a running statistic. */
export interface Variable {
  /** Such as "backbone.layer1.0.conv1.weight". */
  name: string;
  layout: Layout;
  /** The tensor; for parameters with the tensor of the gradient. */
  tensor: Tensor;
  init: Initializer;
}

/** A flat store, and its variables in order. */
export interface FlatStore {
  store: Store;
  variables: Variable[];
}

/** The parameters and running statistics of one network: online or target. */
export interface Network {
  parameters: FlatStore;
  statistics: FlatStore;
  /** The store of the gradients, with the layout of the parameters; null for the target. */
  gradients: Store | null;
  /** The store of the parameters' copies in float16, with their layout at half the offsets; null for float32. */
  halves: Store | null;
}

/** An empty network called `name`, with gradients or without; with `halves` it computes in float16. */
export function createNetwork(
  name: string,
  { gradients, halves = false }: { gradients: boolean; halves?: boolean },
): Network {
  return {
    parameters: { store: { name: `${name} parameters`, category: "parameters", bytes: 0 }, variables: [] },
    statistics: {
      store: { name: `${name} running statistics`, category: "statistics", bytes: 0 },
      variables: [],
    },
    gradients: gradients ? { name: `${name} gradients`, category: "gradients", bytes: 0 } : null,
    halves: halves ? { name: `${name} parameters in float16`, category: "parameters", bytes: 0 } : null,
  };
}

function append(
  flat: FlatStore,
  { name, layout, init, gradients, halves }: {
    name: string;
    layout: Layout;
    init: Initializer;
    gradients: Store | null;
    halves: Store | null;
  },
): Tensor {
  const bytes = sizeOf(layout.shape) * 4;
  const offset = flat.store.bytes;
  // Bindings must be aligned; so a block of 64 elements belongs to one parameter, which the optimizer relies on.
  // With copies at half the offsets, a parameter takes an even number of blocks.
  const end = offset + roundUp(bytes, halves ? 2 * ALIGNMENT : ALIGNMENT);
  flat.store.bytes = end;
  let gradient: Tensor | null = null;
  if (gradients) {
    gradients.bytes = end;
    gradient = { name: `${name}.gradient`, shape: layout.shape, region: { store: gradients, offset, bytes } };
  }
  let half: Tensor | undefined;
  if (halves) {
    halves.bytes = end / 2;
    half = tensorIn(halves, {
      name: `${name} in float16`,
      shape: layout.shape,
      type: "f16",
      offset: offset / 2,
    });
  }
  const tensor: Tensor = {
    name,
    shape: layout.shape,
    region: { store: flat.store, offset, bytes },
    gradient,
    half,
  };
  flat.variables.push({ name, layout, tensor, init });
  return tensor;
}

/** A node in a network's tree of names, where layers declare their parameters. */
export class Scope {
  constructor(readonly network: Network, readonly prefix = "") {}

  /** The scope of a part, such as "layer1" or "0". */
  child(name: string): Scope {
    return new Scope(this.network, this.name(name));
  }

  /** The full name of something declared here. */
  name(name: string): string {
    return this.prefix ? `${this.prefix}.${name}` : name;
  }

  /** Declares a parameter and returns its tensor. */
  parameter(name: string, { layout, init }: { layout: Layout; init: Initializer }): Tensor {
    const { parameters, gradients, halves } = this.network;
    return append(parameters, { name: this.name(name), layout, init, gradients, halves });
  }

  /** Declares a running statistic and returns its tensor. */
  statistic(name: string, { layout, init }: { layout: Layout; init: Initializer }): Tensor {
    return append(this.network.statistics, {
      name: this.name(name),
      layout,
      init,
      gradients: null,
      halves: null,
    });
  }
}

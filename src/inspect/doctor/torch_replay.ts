/**
 * Repeats training steps that PyTorch took, from the same weights on the same views.
 *
 * @module
 */
import { type Architecture, createNetworks } from "../../byol/networks.ts";
import { BYOL, type Objective } from "../../byol/objective.ts";
import { RING_FIGURES, traceStep } from "../../byol/step.ts";
import { MachineError } from "../../base/errors.ts";
import type { Gpu } from "../../gpu/device.ts";
import { Memory, type Store } from "../../gpu/memory.ts";
import { Program } from "../../graph/program.ts";
import type { Dispatch } from "../../graph/dispatch_list.ts";
import type { ChoosingProfile } from "../../graph/kernel_choice.ts";
import { tensorIn } from "../../graph/tensor.ts";
import { parseSafetensors, type TensorEntry } from "../../io/safetensors.ts";
import type { FlatStore, Network } from "../../nn/parameters.ts";
import { copiesOf } from "../../nn/halves.ts";
import { packWeights, type TorchTensor, unpackWeights } from "../../nn/weights.ts";
import type { LossScale } from "../../optim/loss_scale.ts";
import { createOptimizer, type OptimizerName, packStep } from "../../optim/optimizer.ts";
import type { Tolerance } from "../../reference/compare.ts";
import { goldenViews, initialParameter, type StepMetadata } from "../../reference/torch_steps.ts";

/** PyTorch's results. */
export interface TorchSteps {
  tensors: Map<string, TensorEntry>;
  metadata: StepMetadata;
}

/** Parses a file of steps. */
function torchStepsOf(name: string, bytes: Uint8Array<ArrayBuffer>): TorchSteps {
  const { tensors, metadata } = parseSafetensors(name, bytes);
  const values = Object.entries(metadata).map(([key, value]) => [key, JSON.parse(value)]);
  return { tensors, metadata: Object.fromEntries(values) };
}

/** The steps that ship with the product: ten of a small network of bottleneck blocks, with SGD. */
export async function shippedSteps(): Promise<TorchSteps> {
  const url = new URL("./step_bottleneck_sgd.safetensors", import.meta.url);
  const response = await fetch(url);
  if (!response.ok) {
    throw new MachineError(
      `Cannot read "${url}": the server answered ${response.status}. Try again.`,
    );
  }
  return torchStepsOf(url.href, new Uint8Array(await response.arrayBuffer()));
}

/** The networks of the shipped steps. */
export const SHIPPED_ARCHITECTURE: Architecture = {
  backbone: { block: "bottleneck", layers: [1, 1], widths: [16, 32] },
  stem: "cifar",
  hidden: 48,
  projection: 24,
};

/** Steps that are ready to run. */
export interface Replay {
  dispatches: readonly Dispatch[];
  /** Runs the first `count` steps. */
  run(gpu: Gpu, count: number): Promise<Replayed>;
}

/** Tensors under PyTorch's names and in its layouts. */
export type TorchTensors = Map<string, TorchTensor>;

/** Results of the steps, in the groups of the golden files. */
export interface Replayed {
  losses: number[];
  /** Gradients of the first step: `grad1.…` */
  gradients: TorchTensors;
  groups: Record<string, TorchTensors>;
}

/** Appends a channel of zeros to [2, N, S, S, 3]. */
export function padChannels(views: Float32Array): Float32Array<ArrayBuffer> {
  const padded = new Float32Array(views.length / 3 * 4);
  for (let i = 0; i < views.length / 3; i++) padded.set(views.subarray(3 * i, 3 * i + 3), 4 * i);
  return padded;
}

/** Traces a step of the network with the settings of `metadata`; with `lossScale` in mixed precision. */
export function replay(
  { metadata, architecture, optimizer: name, objective = BYOL, target, lossScale }: {
    metadata: StepMetadata;
    architecture: Architecture;
    optimizer: OptimizerName;
    objective?: Objective;
    target: ChoosingProfile;
    lossScale?: LossScale;
  },
): Replay {
  const { batch, size } = metadata, { maxBinding } = target;
  const networks = createNetworks(architecture, objective, { halves: lossScale !== undefined });
  const online = networks.online.network, follower = networks.target?.network ?? null;
  const all = follower ? [online, follower] : [online], copying = lossScale && copiesOf(all, target);
  const optimizer = createOptimizer({ online, target: follower }, { name, maxBinding, lossScale });
  const step = traceStep(networks, { batch, size, optimizer, profile: target, objective, lossScale });
  return {
    dispatches: [...copying?.dispatches ?? [], ...step.dispatches],
    async run(gpu, count) {
      using memory = new Memory(gpu);
      using program = new Program(memory, step);
      initialize(memory, all);
      optimizer.prepare(memory);
      using copies = copying ? new Program(memory, copying) : null;
      copies?.run();
      let gradients: TorchTensors = new Map();
      for (let k = 0; k < count; k++) {
        takeStep(memory, { step, metadata, k, run: () => program.run() });
        if (k === 0) {
          gradients = await read(memory, online.parameters, { prefix: "grad1.", store: online.gradients! });
        }
      }
      const ring = await memory.read(tensorIn(step.ring, { shape: [count, RING_FIGURES] }).region!);
      return {
        losses: Array.from({ length: count }, (_, k) => ring[RING_FIGURES * k]),
        gradients,
        groups: await readGroups(memory, { online, follower, velocity: optimizer.velocity }),
      };
    },
  };
}

/** Writes PyTorch's initial weights and statistics. */
function initialize(memory: Memory, networks: readonly Network[]): void {
  const write = (flat: FlatStore, value: (name: string, shape: readonly number[]) => Float32Array) => {
    const values = packWeights(flat, (name, i) => value(name, flat.variables[i].layout.torchShape));
    memory.write(flat.store, values);
  };
  for (const { parameters, statistics } of networks) {
    write(parameters, initialParameter);
    write(statistics, (name, [n]) => new Float32Array(n).fill(name.endsWith("var") ? 1 : 0));
  }
}

/** Runs step `k` on PyTorch's views, with its schedule. */
function takeStep(
  memory: Memory,
  { step, metadata, k, run }: {
    step: Pick<ReturnType<typeof traceStep>, "views" | "scalars">;
    metadata: StepMetadata;
    k: number;
    run: () => void;
  },
): void {
  const { lr, tau, mu, decay } = metadata;
  const views = padChannels(goldenViews(metadata, k));
  memory.write(
    step.views,
    step.views.type === "f16" ? new Uint8Array(new Float16Array(views).buffer) : views,
  );
  const scalars = { lr: lr[k], momentum: mu, weightDecay: decay, tau: tau[k], slot: k };
  memory.write(step.scalars, packStep(scalars));
  run();
}

/** Reads a flat store in PyTorch's layouts. Waits for the GPU. */
async function read(
  memory: Memory,
  flat: FlatStore,
  { prefix, store = flat.store }: { prefix: string; store?: Store },
): Promise<TorchTensors> {
  const content = await memory.read({ store, offset: 0, bytes: store.bytes });
  return unpackWeights(flat, { content, prefix });
}

async function readGroups(
  memory: Memory,
  { online, follower, velocity }: { online: Network; follower: Network | null; velocity: Store },
): Promise<Replayed["groups"]> {
  return {
    theta: await read(memory, online.parameters, { prefix: "online." }),
    momentum: await read(memory, online.parameters, { prefix: "momentum.", store: velocity }),
    running_online: await read(memory, online.statistics, { prefix: "online." }),
    ...follower && {
      xi: await read(memory, follower.parameters, { prefix: "target." }),
      running_target: await read(memory, follower.statistics, { prefix: "target." }),
    },
  };
}

/** What is wrong with the gradients of the first step; null if nothing is. */
export function gradientDifference(
  gradients: TorchTensors,
  { tensors }: TorchSteps,
  { relative = 1e-4, absolute = 1e-6 }: Tolerance = {},
): string | null {
  for (const [name, { data }] of gradients) {
    const expected = tensors.get(name);
    if (!expected) return `PyTorch has no ${name}`;
    const norm = Math.hypot(...expected.data);
    const off = Math.hypot(...data.map((value, i) => value - expected.data[i]));
    // A bias before a batch norm has gradient 0, and each side rounds it differently.
    if (!(off <= relative * norm + absolute)) return `${name} is off by ${off}, its norm is ${norm}`;
  }
  return null;
}

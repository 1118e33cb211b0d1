/** A step whose tensors are larger than a kernel may bind, against the same step on a machine that binds them whole. */
import { assert, assertEquals, relativeError } from "../assert.ts";
import { hashSigned, initialParameter } from "../golden/read.ts";
import { CONVOLUTIONS, halfTest, onGpu, sharedGpu, targets } from "../gpu/shared.ts";
import { createNetworks } from "../../src/byol/networks.ts";
import { type Step, traceStep } from "../../src/byol/step.ts";
import { Trainer } from "../../src/byol/trainer.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { Memory, type Store } from "../../src/gpu/memory.ts";
import { Program } from "../../src/graph/program.ts";
import { type ChoosingProfile, pinned } from "../../src/graph/kernel_choice.ts";
import { sizeOf, type Tensor, tensorIn } from "../../src/graph/tensor.ts";
import { padChannels } from "../../src/inspect/doctor/torch_replay.ts";
import type { FlatStore } from "../../src/nn/parameters.ts";
import { packWeights } from "../../src/nn/weights.ts";
import { createOptimizer, packStep } from "../../src/optim/optimizer.ts";

/** Images of the first layers take 16 or 8 KiB, all images of the last ones more than LIMIT; the weights less. */
const nets = {
  resnet8: {
    architecture: { backbone: { block: "basic", layers: [1, 1, 1], widths: [16, 16, 16] }, stem: "cifar" },
    size: 16,
  },
  bottleneck: {
    architecture: { backbone: { block: "bottleneck", layers: [1, 1], widths: [8, 8] }, stem: "imagenet" },
    size: 32,
  },
} as const;
/** What has the same bits in pieces. */
const EXACT = ["metrics", "statistics", "gradients of scales and biases"];
const BATCH = 11, LIMIT = 67 * 256;
/** A hardware adapter has sums over rows in more parts, which are bound together. */
const HARDWARE_LIMIT = 180 * 256;

/** Every family as on a software adapter, and what a hardware adapter takes. */
async function machines(): Promise<(ChoosingProfile & { family: string; limit: number })[]> {
  const families = await targets(CONVOLUTIONS), hardware = await targets(["tiled-64x64"]);
  return [
    ...families.map((target) => ({ ...target, software: true, limit: LIMIT })),
    ...hardware.map((target) => ({ ...target, software: false, limit: HARDWARE_LIMIT })),
  ];
}

function trace(net: keyof typeof nets, target: ChoosingProfile) {
  const { architecture, size } = nets[net];
  const networks = createNetworks({ ...architecture, hidden: 48, projection: 24 });
  const { online: { network: online }, target: { network: follower } } = networks;
  const { maxBinding } = target;
  const optimizer = createOptimizer({ online, target: follower }, { name: "lars", maxBinding });
  return {
    networks,
    optimizer,
    step: traceStep(networks, { batch: BATCH, size, optimizer, profile: target }),
  };
}

/** The loss, gradients and parameters of the first step. */
async function firstStep(net: keyof typeof nets, target: ChoosingProfile) {
  const gpu = await sharedGpu();
  const { networks, optimizer, step } = trace(net, target);
  const { online: { network: online }, target: { network: follower } } = networks;
  for (const tensor of step.dispatches.flatMap(({ tensors }) => tensors)) {
    assert(fits(tensor, target), `${tensor.name} is bound as [${tensor.shape}]`);
  }
  using memory = new Memory(gpu);
  using program = new Program(memory, step);
  for (const { parameters, statistics } of [online, follower]) {
    const initial = (flat: FlatStore, value: (name: string, shape: readonly number[]) => Float32Array) =>
      memory.write(
        flat.store,
        packWeights(flat, (name, i) => value(name, flat.variables[i].layout.torchShape)),
      );
    initial(parameters, initialParameter);
    initial(statistics, (name, shape) => new Float32Array(sizeOf(shape)).fill(name.endsWith("var") ? 1 : 0));
  }
  optimizer.prepare(memory);
  memory.write(step.views, Float32Array.from(hashSigned("views", step.views.bytes / 4)));
  memory.write(
    step.scalars,
    packStep({ lr: 0.1, momentum: 0.9, weightDecay: 1e-4, tau: 0.9, slot: 0 }),
  );
  program.run();
  const read = (store: Store, bytes = store.bytes) =>
    memory.read(tensorIn(store, { shape: [bytes / 4] }).region!);
  const gradients = (vectors: boolean) =>
    Promise.all(
      online.parameters.variables.filter(({ layout }) => (layout.torchShape.length === 1) === vectors)
        .map(({ tensor }) => memory.read(tensor.gradient!.region!)),
    );
  const values = {
    metrics: await read(step.ring, 8),
    statistics: await read(online.statistics.store),
    "gradients of scales and biases": (await gradients(true)).flatMap((part) => [...part]),
    "gradients of weights": (await gradients(false)).flatMap((part) => [...part]),
    theta: await read(online.parameters.store),
    xi: await read(follower.parameters.store),
    momentum: await read(optimizer.velocity),
  };
  return { values, step };
}

/** Whether a kernel can bind the tensor. The ring is not meant to be split: it has the same size in any run. */
function fits({ name, shape }: Tensor, { maxBinding }: { maxBinding: number }): boolean {
  return sizeOf(shape) * 4 <= maxBinding || name === "metrics ring";
}

/** Dispatches by kernel. */
function counts({ dispatches }: Step): Map<string, number> {
  const result = new Map<string, number>();
  for (const { kernel: { name } } of dispatches) result.set(name, (result.get(name) ?? 0) + 1);
  return result;
}

for (const net of ["resnet8", "bottleneck"] as const) {
  Deno.test(`traceStep() takes the same step for ${net} in pieces of ${LIMIT} bytes`, onGpu, async () => {
    for (const { limit, ...target } of await machines()) {
      const whole = await firstStep(net, target),
        pieces = await firstStep(net, { ...target, maxBinding: limit });
      for (const { kernel, tensors } of whole.step.dispatches) {
        // A convolution may be done in another way if its parts have to be smaller.
        const fitting = tensors.every((tensor) => fits(tensor, { maxBinding: limit }));
        if (fitting || kernel.name.startsWith("conv2d")) continue;
        const [before, after] = [whole, pieces].map(({ step }) => counts(step).get(kernel.name) ?? 0);
        assert(after > before, `${kernel.name} is dispatched ${before} times and in pieces ${after} times`);
      }
      // Only the sums of the weights' gradients run over the images, and so over other parts than before; and those
      // that kernels split whose number of parts depends on the size of a piece.
      const exact = target.family.endsWith("split") ? [] : EXACT;
      for (
        const [name, expected] of Object.entries(whole.values) as [keyof typeof whole.values, number[]][]
      ) {
        assert(expected.some((value) => value !== 0), `${name} is 0`);
        const error = relativeError(pieces.values[name], expected);
        const gradient = name.startsWith("gradients") || name === "momentum";
        const allowed = exact.includes(name) ? 0 : gradient ? 1e-5 : 1e-6;
        assert(error <= allowed, `${name} with ${target.family} kernels is off by ${error}`);
      }
    }
  });
}

Deno.test("traceStep() splits nothing where all tensors fit", async () => {
  for (const target of await machines()) {
    const { step } = trace("resnet8", target);
    const largest = Math.max(
      ...step.dispatches.flatMap(({ tensors }) => tensors.map(({ shape }) => sizeOf(shape) * 4)),
    );
    const lines = ({ dispatches }: Step) =>
      dispatches.map(({ kernel, constants, params, grid, tensors }) => {
        assert(tensors.every(({ offset }) => offset === undefined), `${kernel.name} binds a slice`);
        return JSON.stringify([kernel.name, constants, params, grid, tensors.map(({ shape }) => shape)]);
      });
    assertEquals(lines(trace("resnet8", { ...target, maxBinding: largest }).step), lines(step));
  }
});

/** Images whose activations in float16 take 32 or 64 KiB. */
const MIXED = {
  resnet8: { block: "basic", layers: [1, 1, 1], widths: [16, 16, 16] },
  convnext: { block: "convnext", layers: [1, 1], widths: [16, 16] },
} as const;
/** The ring of metrics takes 64 KiB. */
const MIXED_LIMIT = 272 * 256;

/** The first step of a network in mixed precision on `gpu`. */
async function mixedStep(gpu: Gpu, backbone: typeof MIXED[keyof typeof MIXED]) {
  const size = 32;
  using trainer = new Trainer(gpu, {
    architecture: { backbone, stem: "cifar", hidden: 48, projection: 24 },
    ...{
      batch: BATCH,
      size,
      optimizer: "sgd",
      precision: "mixed",
      lossScale: 128,
      chooser: pinned("blocked"),
    },
  });
  trainer.initialize({ seed: 1, targetInit: "copy" });
  const views = padChannels(hashSigned("views", 2 * BATCH * size * size * 3));
  trainer.step(views, { step: 0, lr: 0.1, momentum: 0.9, weightDecay: 1e-4, tau: 0.9 });
  return { metrics: await trainer.metrics(0, 1), state: await trainer.state() };
}

for (const [net, backbone] of Object.entries(MIXED)) {
  halfTest(`Trainer takes the same mixed step for ${net} in pieces of ${MIXED_LIMIT} bytes`, async () => {
    const gpu = await sharedGpu(), limits = { ...gpu.limits, maxBinding: MIXED_LIMIT };
    const whole = await mixedStep(gpu, backbone);
    const pieces = await mixedStep(Object.create(gpu, { limits: { value: limits } }), backbone);
    assertEquals(pieces.metrics, whole.metrics);
    let differing = 0;
    for (const [name, { data }] of whole.state) {
      const found = pieces.state.get(name)!.data;
      if (name.includes("running")) assertEquals(found, data, name);
      // As above, only sums of the weights' gradients have other parts; so it must be the step in pieces that ran.
      const off = Math.hypot(...data.map((value, i) => found[i] - value)), norm = Math.hypot(...data);
      assert(off <= 1e-5 * norm, `${name} is off by ${off}, its norm is ${norm}`);
      differing += Number(off > 0);
    }
    assert(differing > 0, "nothing was split");
  });
}

/**
 * The whole training step in mixed precision against PyTorch: ten steps in float64 that round where ours do
 * (tests/golden/half.py). The tolerance is three times what one more rounding does to the same steps.
 */
import { assert, assertEquals, relativeError } from "../assert.ts";
import { goldenViews, initialParameter, readGolden, type StepMetadata } from "../golden/read.ts";
import { halfTest, sharedGpu, targets } from "../gpu/shared.ts";
import { assertGroups } from "./torch_groups.ts";
import { Trainer } from "../../src/byol/trainer.ts";
import type { KernelChooser } from "../../src/graph/kernel_choice.ts";
import { padChannels, type TorchTensors } from "../../src/inspect/doctor/torch_replay.ts";
import { unpackWeights } from "../../src/nn/weights.ts";

interface HalfMetadata extends Omit<StepMetadata, "errors"> {
  /** The loss scale. */
  scale: number;
  z_std: number[];
  /** What one more rounding does: relative errors of groups, and the norm of the error of each gradient. */
  errors: Record<string, number>;
  grad1_errors: Record<string, number>;
}

type Golden = Awaited<ReturnType<typeof readGolden<HalfMetadata>>>;

const nets = {
  resnet8: { block: "basic", layers: [1, 1, 1], widths: [16, 32, 64] },
  bottleneck: { block: "bottleneck", layers: [1, 1], widths: [16, 32] },
  convnext: { block: "convnext", layers: [1, 1], widths: [16, 32] },
} as const;
/** A golden file: its network, and its optimizer or loss. */
type Case = [net: keyof typeof nets, name: "sgd" | "lars" | "simclr"];
const CASES: Case[] = [
  ["resnet8", "sgd"],
  ["resnet8", "lars"],
  ["bottleneck", "sgd"],
  ["bottleneck", "lars"],
  ["bottleneck", "simclr"],
  ["convnext", "sgd"],
  ["convnext", "lars"],
];

/** PyTorch's first value of a tensor of the state. */
function firstValue(name: string, shape: readonly number[]): Float32Array {
  const [network, ...path] = name.split("."), own = path.join(".");
  if (network === "momentum" || own.endsWith("running_mean")) {
    return new Float32Array(shape.reduce((a, b) => a * b, 1));
  }
  if (own.endsWith("running_var")) return new Float32Array(shape[0]).fill(1);
  const isHeads = own.startsWith("projector.1") || own.startsWith("predictor.1");
  return initialParameter(isHeads ? `backbone.bn.${own}` : own, shape);
}

/** A trainer in the state from which PyTorch began. */
async function trainerOf(
  [net, name]: Case,
  metadata: HalfMetadata,
  chooser?: KernelChooser,
): Promise<Trainer> {
  const { predictor = true, target: hasTarget = true, beta = 0, temperature = 0.1 } = metadata;
  const trainer = new Trainer(await sharedGpu(), {
    architecture: { backbone: nets[net], stem: "cifar", hidden: 48, projection: 24 },
    batch: metadata.batch,
    size: metadata.size,
    optimizer: name === "lars" ? "lars" : "sgd",
    objective: { predictor, target: hasTarget ? "ema" : "shared", negatives: beta, temperature },
    precision: "mixed",
    lossScale: metadata.scale,
    chooser,
  });
  trainer.initialize({ seed: 1, targetInit: "copy" });
  const first = [...trainer.stateShapes()].filter(([name]) => name !== "loss_scale")
    .map(([name, shape]) => [name, { shape, data: firstValue(name, shape) }] as const);
  trainer.restore(new Map(first));
  return trainer;
}

function takeStep(trainer: Trainer, metadata: HalfMetadata, step: number): void {
  const { lr, tau, mu, decay } = metadata;
  trainer.step(padChannels(goldenViews(metadata, step)), {
    ...{ step, lr: lr[step], momentum: mu, weightDecay: decay, tau: tau[step] },
  });
}

/** The gradients of the step that was taken last, as the optimizer read them. */
async function gradientsOf({ memory, networks }: Trainer): Promise<TorchTensors> {
  const { parameters, gradients: store } = networks.online.network;
  const content = await memory.read({ store: store!, offset: 0, bytes: store!.bytes });
  return unpackWeights(parameters, { content });
}

/** The state in the groups of the golden files. */
async function groupsOf(trainer: Trainer): Promise<Record<string, TorchTensors>> {
  const names = {
    online: ["theta", "running_online"],
    target: ["xi", "running_target"],
    momentum: ["momentum"],
  };
  const groups: Record<string, TorchTensors> = {};
  for (const [name, tensor] of await trainer.state()) {
    const [network] = name.split(".");
    if (!(network in names)) continue;
    const group = names[network as keyof typeof names][Number(name.includes(".running_"))];
    (groups[group] ??= new Map()).set(name, tensor);
  }
  return groups;
}

function assertGradients(gradients: TorchTensors, { tensors, metadata }: Golden): void {
  assertEquals([...gradients.keys()].sort(), Object.keys(metadata.grad1_errors).sort(), "other gradients");
  for (const [name, { data }] of gradients) {
    const expected = tensors.get(`grad1.${name}`)!.data;
    const off = Math.hypot(...data.map((value, i) => value - expected[i]));
    const allowed = 3 * metadata.grad1_errors[name];
    assert(off <= allowed, `the gradient of ${name} is off by ${off}, allowed are ${allowed}`);
  }
}

/** Products by unsplit sums and by split ones; and on matrix units, where there are some. */
const KERNELS = ["blocked", "tiled-64x64", "tiled-64x64 split"];

for (const [net, name] of CASES) {
  halfTest(`ten steps of ${net} with ${name} in mixed precision agree with PyTorch`, async () => {
    const golden = await readGolden<HalfMetadata>(`half_${net}_${name}`), { metadata } = golden;
    const { matrixUnits } = await sharedGpu();
    for (const { chooser } of await targets(matrixUnits ? [...KERNELS, "matrix"] : KERNELS)) {
      using trainer = await trainerOf([net, name], metadata, chooser);
      for (let step = 0; step < metadata.lr.length; step++) {
        takeStep(trainer, metadata, step);
        // The first gradients do not depend on the optimizer: they are in the files of SGD.
        if (step === 0 && name !== "lars") assertGradients(await gradientsOf(trainer), golden);
      }
      const steps = await trainer.metrics(0, metadata.lr.length);
      assertEquals(steps.map(({ skipped }) => skipped), steps.map(() => false), "skipped steps");
      const figures = { losses: steps.map(({ loss }) => loss), z_std: steps.map(({ zStd }) => zStd) };
      for (const key of ["losses", "z_std"] as const) {
        const error = relativeError(figures[key], metadata[key]), allowed = 3 * metadata.errors[key];
        assert(error <= allowed, `${key} ${figures[key]} are off by ${error}, allowed are ${allowed}`);
      }
      assertGroups(await groupsOf(trainer), golden);
    }
  });
}

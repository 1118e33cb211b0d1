/** A step that takes its gradient from several batches. */
import { assert, assertClose, assertEquals, relativeError } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";
import { traceTraining, type TrainerOptions } from "../../src/byol/trace_training.ts";
import { Trainer } from "../../src/byol/trainer.ts";
import { planMemory } from "../../src/graph/plan.ts";
import { deviceProfileOf } from "../../src/graph/kernel_choice.ts";
import { backboneByName } from "../../src/nn/backbones.ts";
import type { TorchTensor } from "../../src/nn/weights.ts";

const BATCH = 6, SIZE = 8, LR = 0.125;
const options: TrainerOptions = {
  architecture: { backbone: backboneByName("resnet8"), stem: "cifar", hidden: 48, projection: 24 },
  batch: BATCH,
  size: SIZE,
  optimizer: "sgd",
};
const scalars = { lr: LR, momentum: 0.5, weightDecay: 0, tau: 0.75 };

/** The fourth channel is padding. */
function views(i: number): Float32Array<ArrayBuffer> {
  const values = hashSigned(`views ${i}`, 2 * BATCH * SIZE * SIZE * 4) as Float32Array<ArrayBuffer>;
  return values.map((value, i) => i % 4 === 3 ? 0 : value);
}

async function trainerOf(more: Partial<TrainerOptions> = {}): Promise<Trainer> {
  const trainer = new Trainer(await sharedGpu(), { ...options, ...more });
  trainer.initialize({ seed: 3, targetInit: "copy" });
  return trainer;
}

/** The values of all tensors whose names begin with `prefix`, but for running statistics. */
function valuesOf(state: Map<string, TorchTensor>, prefix: string): number[] {
  const names = [...state.keys()].filter((name) => name.startsWith(prefix) && !name.includes("running"));
  return names.flatMap((name) => [...state.get(name)!.data]);
}

Deno.test(
  "traceStep() averages the gradients of batches, each with its own statistics",
  onGpu,
  async () => {
    // From momentum 0 the first step's momentum is its gradient.
    const gradients: number[][] = [], figures: { loss: number; zStd: number }[] = [];
    for (let i = 0; i < 3; i++) {
      using single = await trainerOf();
      single.step(views(i), { ...scalars, step: 0 });
      gradients.push(valuesOf(await single.state(), "momentum."));
      figures.push(...await single.metrics(0, 1));
    }
    const mean = gradients[0].map((_, i) => (gradients[0][i] + gradients[1][i] + gradients[2][i]) / 3);

    using trainer = await trainerOf({ accumulate: 3 });
    const before = await trainer.state();
    for (let part = 0; part < 2; part++) trainer.step(views(part), { ...scalars, step: 0, part });
    const between = await trainer.state();
    for (const prefix of ["online.", "target.", "momentum."]) {
      assertEquals(
        valuesOf(between, prefix),
        valuesOf(before, prefix),
        `${prefix} moved before the step was whole`,
      );
    }
    trainer.step(views(2), { ...scalars, step: 0, part: 2, health: true });
    const after = await trainer.state();
    const found = valuesOf(after, "momentum.");
    assert(relativeError(found, mean) < 1e-6, `the gradient is off by ${relativeError(found, mean)}`);
    // Neither the sum nor that of a single batch would do.
    assert(relativeError(gradients[2], mean) > 0.1, "the batches are alike");

    const theta = valuesOf(before, "online.").map((value, i) => value - LR * found[i]);
    assertClose("theta", valuesOf(after, "online."), theta, { absolute: 1e-6 });
    const xi = valuesOf(before, "target.");
    const [{ loss, zStd, gradNorm, targetCosine }] = await trainer.metrics(0, 1);
    const average = (name: "loss" | "zStd") => figures.reduce((sum, each) => sum + each[name], 0) / 3;
    assertClose("figures", [loss, zStd], [average("loss"), average("zStd")], { relative: 1e-6 });
    assertClose("grad_norm", [gradNorm], [Math.sqrt(mean.reduce((sum, g) => sum + g * g, 0))], {
      relative: 1e-5,
    });
    // The target follows once: τ·ξ + (1 − τ)·θ, of the parameters that it has.
    const paired = [...after.keys()].filter((name) =>
      name.startsWith("target.") && !name.includes("running")
    );
    const [ours, theirs]: number[][] = [[], []];
    paired.forEach((name) => {
      ours.push(...after.get(name.replace("target.", "online."))!.data);
      theirs.push(...after.get(name)!.data);
    });
    assertClose("xi", theirs, xi.map((value, i) => 0.75 * value + 0.25 * ours[i]), { absolute: 1e-6 });
    const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i], 0);
    const cosine = dot(ours, theirs) / Math.sqrt(dot(ours, ours) * dot(theirs, theirs));
    assertClose("target_cosine", [targetCosine!], [cosine], { absolute: 3e-7 });
  },
);

Deno.test(
  "traceStep() starts the second step at zero, and updates running statistics with each batch",
  onGpu,
  async () => {
    using trainer = await trainerOf({ accumulate: 2 });
    const take = (step: number, part: number) =>
      trainer.step(views(2 * step + part), { ...scalars, lr: 0, step, part });
    for (const step of [0, 1]) for (const part of [0, 1]) take(step, part);
    const state = await trainer.state();
    const [first, second] = await Promise.all([0, 2].map(async (from) => {
      using other = await trainerOf({ accumulate: 2 });
      for (const part of [0, 1]) other.step(views(from + part), { ...scalars, lr: 0, step: 0, part });
      return valuesOf(await other.state(), "momentum.");
    }));
    // With lr 0 the weights stay, and momentum is µ·g₁ + g₂.
    const expected = first.map((g, i) => 0.5 * g + second[i]);
    const error = relativeError(valuesOf(state, "momentum."), expected);
    assert(error < 1e-6, `momentum after two steps is off by ${error}`);

    using plain = await trainerOf();
    for (let i = 0; i < 4; i++) plain.step(views(i), { ...scalars, lr: 0, step: i });
    const statistics = [...await plain.state()].filter(([name]) => name.includes("running"));
    for (const [name, { data }] of statistics) assertEquals([...state.get(name)!.data], [...data], name);
  },
);

Deno.test("traceTraining() adds a store of gradients only to average several batches", () => {
  const bytes = (accumulate?: number) =>
    planMemory(traceTraining({ ...options, accumulate }, deviceProfileOf(null)).step.dispatches).bytes.get(
      "gradients",
    );
  assertEquals([bytes(1), bytes(2), bytes(7)], [1, 2, 2].map((stores) => stores * bytes()!));
});

/** The loss scale of a run in mixed precision: what a step that overflows leaves as it was, and how the run goes on. */
import { assert, assertEquals } from "../assert.ts";
import { goldenViews } from "../golden/read.ts";
import { halfTest, sharedGpu } from "../gpu/shared.ts";
import type { TrainerOptions } from "../../src/byol/trace_training.ts";
import { Trainer } from "../../src/byol/trainer.ts";
import { padChannels } from "../../src/inspect/doctor/torch_replay.ts";
import { backboneByName } from "../../src/nn/backbones.ts";
import { initialLossScale } from "../../src/ops/loss_scale.ts";

const BATCH = 4, SIZE = 8;
const scalars = { lr: 0.1, momentum: 0.9, weightDecay: 1e-4, tau: 0.9 };

/** A trainer with the loss scale `lossScale`; a dynamic one begins at `first` after `good` steps without overflow. */
async function trainerOf(
  { first, good = 0, ...options }: Partial<TrainerOptions> & { first?: number; good?: number },
): Promise<Trainer> {
  const trainer = new Trainer(await sharedGpu(), {
    architecture: { backbone: backboneByName("resnet8"), stem: "cifar", hidden: 32, projection: 16 },
    ...{ batch: BATCH, size: SIZE, optimizer: "lars", precision: "mixed" },
    ...options,
  });
  trainer.initialize({ seed: 1, targetInit: "copy" });
  if (first === undefined) return trainer;
  const state = await trainer.state(), data = initialLossScale(first);
  data[2] = good;
  trainer.restore(state.set("loss_scale", { shape: [data.length], data }));
  return trainer;
}

/** Takes the steps `from` … `to` − 1, each on views of its own. */
function train(trainer: Trainer, from: number, to: number): void {
  for (let step = from; step < to; step++) {
    trainer.step(padChannels(goldenViews({ batch: BATCH, size: SIZE, seed: 1 }, step)), { ...scalars, step });
  }
}

/** What the optimizer writes: weights of both networks and momentum. Statistics of batches are also those of skipped steps. */
async function learned(trainer: Trainer): Promise<Record<string, Float32Array>> {
  const state = [...await trainer.state()].filter(([name]) => !/running|loss_scale/.test(name));
  return Object.fromEntries(state.map(([name, { data }]) => [name, data]));
}

halfTest("Trainer: a dynamic loss scale halves until gradients fit, and skips these steps", async () => {
  const STEPS = 14, FIRST = 2 ** 24;
  using trainer = await trainerOf({ lossScale: "dynamic", first: FIRST });
  const before = await learned(trainer);
  train(trainer, 0, 1);
  assertEquals(await learned(trainer), before, "a skipped step changed what is learned");
  train(trainer, 1, STEPS);
  const steps = await trainer.metrics(0, STEPS);
  const skipped = steps.findIndex((step) => !step.skipped);
  assert(skipped > 1 && skipped < STEPS - 2, `${skipped} of ${STEPS} steps were skipped`);
  for (let i = 0, scale = FIRST; i < STEPS; i++) {
    assertEquals(steps[i].lossScale, scale, `the scale of step ${i}`);
    if (steps[i].skipped) scale /= 2;
  }
  assert(steps.every(({ loss }) => Number.isFinite(loss)), "the losses of skipped steps are not finite");

  // From there it is the run that begins with this scale.
  using fitting = await trainerOf({ lossScale: "dynamic", first: FIRST / 2 ** skipped });
  train(fitting, skipped, STEPS);
  const after = await learned(trainer);
  assertEquals(await learned(fitting), after, "the run differs from one that began with the scale that fits");
  const { "online.predictor.3.weight": weight } = after;
  assert(weight.some((value, i) => value !== before["online.predictor.3.weight"][i]), "nothing was learned");
});

halfTest("Trainer: a dynamic loss scale doubles after 2,000 steps without overflow", async () => {
  using trainer = await trainerOf({ lossScale: "dynamic", first: 256, good: 1998 });
  train(trainer, 0, 4);
  const scales = (await trainer.metrics(0, 4)).map(({ lossScale }) => lossScale);
  assertEquals(scales, [256, 256, 512, 512]);
});

halfTest("Trainer: a static loss scale stays, and a step that overflows with it is skipped", async () => {
  using trainer = await trainerOf({ lossScale: 2 ** 24 });
  const before = await learned(trainer);
  train(trainer, 0, 2);
  const steps = await trainer.metrics(0, 2);
  assertEquals(steps.map(({ lossScale, skipped }) => [lossScale, skipped]), [[2 ** 24, true], [
    2 ** 24,
    true,
  ]]);
  assertEquals(await learned(trainer), before, "a skipped step changed what is learned");
});

halfTest("Trainer: with the same seed, mixed precision gives the same bits, recomputed or kept", async () => {
  const states: unknown[] = [];
  for (const recompute of ["never", "never", "always"] as const) {
    using trainer = await trainerOf({ lossScale: 1024, recompute });
    train(trainer, 0, 4);
    const steps = await trainer.metrics(0, 4);
    assert(steps.every(({ skipped }) => !skipped), "steps were skipped");
    states.push(await trainer.state());
  }
  assertEquals(states[1], states[0], "two runs differ");
  assertEquals(states[2], states[0], "recomputed activations differ from those that were kept");
});

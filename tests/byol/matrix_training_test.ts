/** Some steps in mixed precision with the products on matrix units: `deno task test:matrix`. */
import { assert, assertEquals, relativeError } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";
import { Trainer } from "../../src/byol/trainer.ts";
import { traceTraining, type TrainerOptions } from "../../src/byol/trace_training.ts";
import { deviceProfileOf, pinned } from "../../src/graph/kernel_choice.ts";
import { backboneByName } from "../../src/nn/backbones.ts";

const gpu = await sharedGpu();
if (!gpu.matrixUnits) console.log(`skipped: ${gpu.description} has no matrix units`);
const onUnits = { ...onGpu, ignore: gpu.matrixUnits === null };

const BATCH = 8, SIZE = 8, STEPS = 6;
const options: TrainerOptions = {
  architecture: { backbone: backboneByName("resnet8"), stem: "cifar", hidden: 48, projection: 24 },
  batch: BATCH,
  size: SIZE,
  optimizer: "sgd",
  precision: "mixed",
  lossScale: 128,
};

/** The losses of some steps with the kernels of `family`, and the weights and momentum after them. */
async function train(family: string) {
  using trainer = new Trainer(gpu, { ...options, chooser: pinned(family) });
  trainer.initialize({ seed: 3, targetInit: "copy" });
  for (let step = 0; step < STEPS; step++) {
    const views = hashSigned(`views ${step % 2}`, 2 * BATCH * SIZE * SIZE * 4) as Float32Array<ArrayBuffer>;
    trainer.step(views, { step, lr: 0.03, momentum: 0.9, weightDecay: 1e-4, tau: 0.9 });
  }
  const metrics = await trainer.metrics(0, STEPS);
  assert(metrics.every(({ skipped }) => !skipped), "a step was skipped");
  return { losses: metrics.map(({ loss }) => loss), state: await trainer.state() };
}

Deno.test(
  "traceTraining() puts every product of a step on matrix units where `matrix` is pinned",
  onUnits,
  () => {
    const { step } = traceTraining(options, deviceProfileOf(gpu, pinned("matrix")));
    const products = step.dispatches.map(({ kernel }) => kernel.name).filter((name) =>
      name.startsWith("conv2d")
    );
    assertEquals(products.filter((name) => !name.includes("_matrix_")), []);
    assert(products.length > 40, `${products.length} products`);
  },
);

Deno.test(
  "Trainer trains on matrix units as on other kernels, and twice to the same bits",
  onUnits,
  async () => {
    const [matrix, again] = [await train("matrix"), await train("matrix")];
    const [blocked, tiled] = [await train("blocked"), await train("tiled")];
    assertEquals(again.losses, matrix.losses);
    for (const [name, { data }] of matrix.state) assertEquals(again.state.get(name)!.data, data, name);
    // Sums in another order round to another float16 now and then, those of other kernels too.
    const error = relativeError(matrix.losses, blocked.losses);
    const usual = relativeError(tiled.losses, blocked.losses);
    console.log(
      `losses of matrix:  ${matrix.losses}\nlosses of blocked: ${blocked.losses}, off by ${error}, tiled ${usual}`,
    );
    assert(error <= 3 * usual, `losses are off by ${error}, those of tiled kernels by ${usual}`);
    assert(matrix.losses[STEPS - 1] < 0.9 * matrix.losses[0], `${matrix.losses}`);
  },
);

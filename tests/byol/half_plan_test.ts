/** Steps in mixed precision that are planned in another way, to the same bits. */
import { assert, assertEquals } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";
import { halfTest, sharedGpu } from "../gpu/shared.ts";
import type { TrainerOptions } from "../../src/byol/trace_training.ts";
import { Trainer } from "../../src/byol/trainer.ts";
import { backboneByName } from "../../src/nn/backbones.ts";

const BATCH = 4, SIZE = 16;

/** The state after two steps, the second with other views; each batch of a step has the same views. */
async function stateOf(options: Partial<TrainerOptions>): Promise<Map<string, Float32Array>> {
  using trainer = new Trainer(await sharedGpu(), {
    architecture: { backbone: backboneByName("resnet8"), stem: "imagenet", hidden: 32, projection: 16 },
    ...{ batch: BATCH, size: SIZE, optimizer: "lars", precision: "mixed", lossScale: 2 ** 10 },
    ...options,
  });
  trainer.initialize({ seed: 1, targetInit: "copy" });
  for (let step = 0; step < 2; step++) {
    const views = hashSigned(`views ${step}`, 2 * BATCH * SIZE * SIZE * 4).map((value, i) =>
      i % 4 === 3 ? 0 : value
    );
    for (let part = 0; part < (options.accumulate ?? 1); part++) {
      trainer.step(views as Float32Array<ArrayBuffer>, {
        ...{ step, part, lr: 0.1, momentum: 0.9, weightDecay: 1e-4, tau: 0.9 },
      });
    }
  }
  const figures = await trainer.metrics(0, 2);
  assert(figures.every(({ skipped, loss }) => !skipped && Number.isFinite(loss)), JSON.stringify(figures));
  return new Map([...await trainer.state()].map(([name, { data }]) => [name, data as Float32Array]));
}

const convnext = { block: "convnext", layers: [1, 1], widths: [16, 32] } as const;
const heads = { stem: "cifar", hidden: 32, projection: 16 } as const;

halfTest("mixed precision: what is recomputed has the bits of what is kept", async () => {
  for (const options of [{}, { architecture: { backbone: convnext, ...heads } }]) {
    const kept = await stateOf({ ...options, recompute: "never" });
    assertEquals(await stateOf({ ...options, recompute: "always" }), kept);
  }
});

halfTest(
  "mixed precision: two batches of the same images have the step of one, but for their statistics",
  async () => {
    const one = await stateOf({}), two = await stateOf({ accumulate: 2 });
    for (const [name, values] of one) {
      // Running statistics have seen each batch.
      if (!name.includes("running")) assertEquals(two.get(name), values, name);
    }
  },
);

halfTest(
  "mixed precision: the loss scale changes no weight while nothing overflows or vanishes",
  async () => {
    const [low, high] = [await stateOf({ lossScale: 2 ** 10 }), await stateOf({ lossScale: 2 ** 12 })];
    for (const [name, values] of low) {
      if (name === "loss_scale") continue;
      const others = high.get(name)!, largest = Math.max(...values.map(Math.abs), 1e-3);
      const off = Math.max(...values.map((value, i) => Math.abs(value - others[i])));
      assert(off <= 1e-3 * largest, `${name} is off by ${off} of ${largest}`);
    }
  },
);

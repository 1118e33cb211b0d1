/**
 * One NaN among the views must reach what a run checks: the loss, and the weights before they are written. Mixed precision skips
 * a step whose gradients are not finite: there the loss ends the run.
 */
import { assert } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";
import type { TrainerOptions } from "../../src/byol/trace_training.ts";
import { Trainer } from "../../src/byol/trainer.ts";
import { backboneByName, type BackboneConfig } from "../../src/nn/backbones.ts";

const BATCH = 4, SIZE = 16;
const byol = { predictor: true, target: "ema", negatives: 0, temperature: 0.1 } as const;
const convnext = { block: "convnext", layers: [1, 1], widths: [16, 32] } as const;
const runs: Record<
  string,
  Partial<TrainerOptions> & { stem?: "cifar" | "imagenet"; backbone?: BackboneConfig; first?: string }
> = {
  "BYOL with SGD": { optimizer: "sgd" },
  "BYOL with LARS, clipped": { optimizer: "lars", larsClip: true },
  "BYOL behind a max-pool": { stem: "imagenet" },
  "BYOL with a ConvNeXt": { backbone: convnext, first: "features.0.0.weight" },
  "negatives": { objective: { ...byol, negatives: 1 } },
  "a target that shares the gradient": { objective: { ...byol, target: "shared" } },
  "two batches a step": { accumulate: 2 },
  "mixed precision": { precision: "mixed", stem: "imagenet" },
  "mixed precision, negatives": { precision: "mixed", objective: { ...byol, negatives: 1 } },
  "mixed precision, a ConvNeXt": { precision: "mixed", backbone: convnext },
};

for (const [what, { stem = "cifar", backbone, first = "conv1.weight", ...options }] of Object.entries(runs)) {
  Deno.test(`NaN: a pixel of the views reaches the loss and the weights, ${what}`, onGpu, async () => {
    if (options.precision && !(await sharedGpu()).halfPrecision) {
      return console.log("skipped: this adapter has no float16");
    }
    using trainer = new Trainer(await sharedGpu(), {
      architecture: { backbone: backbone ?? backboneByName("resnet8"), stem, hidden: 32, projection: 16 },
      batch: BATCH,
      size: SIZE,
      optimizer: "sgd",
      ...options,
    });
    trainer.initialize({ seed: 1, targetInit: "copy" });
    const good = hashSigned("views", 2 * BATCH * SIZE * SIZE * 4).map((value, i) => i % 4 === 3 ? 0 : value);
    const bad = good.slice() as Float32Array<ArrayBuffer>;
    bad[4 * (5 * SIZE * SIZE + 37) + 1] = NaN; // of the second view
    const { accumulate = 1 } = options;
    for (let part = 0; part < accumulate; part++) {
      const views = part === 0 ? bad : good as Float32Array<ArrayBuffer>;
      trainer.step(views, { step: 0, part, lr: 0.1, momentum: 0.9, weightDecay: 1e-4, tau: 0.9 });
    }
    const [{ loss }] = await trainer.metrics(0, 1);
    assert(Number.isNaN(loss), `the loss is ${loss}`);
    // The run's check looks through all of these.
    const lost = [...await trainer.state()]
      .filter(([, { data }]) => data.some(Number.isNaN)).map(([name]) => name);
    if (options.precision === "mixed") {
      // Its gradients are not finite: the step was skipped. The loss and the statistics tell.
      assert(lost.length > 0 && lost.every((name) => name.includes("running")), `NaN in ${lost}`);
      return;
    }
    for (const prefix of ["online.", "momentum."]) {
      assert(lost.some((name) => name.startsWith(prefix)), `no NaN in ${prefix}: ${lost}`);
    }
    assert(lost.includes(`online.backbone.${first}`), "the first layer has not met it");
  });
}

/** The time of a training step. */
import { Trainer } from "../src/byol/trainer.ts";
import { UserError } from "../src/base/errors.ts";
import type { Gpu } from "../src/gpu/device.ts";
import { backboneByName } from "../src/nn/backbones.ts";
import { keyedRandom } from "../src/base/random.ts";
import { median, SAMPLES, wallTimer } from "../src/inspect/timing.ts";
import { printTable } from "./table.ts";

const SIZE = 32, USUAL = ["resnet8", "64", "resnet20", "16", "resnet18", "4"];

/** Takes steps of the configurations that `args` lists, as backbone and batch. */
export async function benchStep(gpu: Gpu, args: readonly string[]): Promise<void> {
  const configurations = args.length > 0 ? args : USUAL;
  console.log(`Training step: ${SIZE} px, CIFAR stem, heads 4096 → 256, LARS; median of ${SAMPLES}\n`);
  const row = printTable([
    "backbone",
    "batch",
    "first step, s",
    "step, s",
    "images/s",
    "planned memory, MB",
  ]);
  for (let i = 0; i < configurations.length; i += 2) {
    const [backbone, batch] = [configurations[i], Number(configurations[i + 1])];
    if (!(Number.isInteger(batch) && batch >= 2)) {
      throw new UserError(
        `Cannot measure ${backbone} at batch ${configurations[i + 1]}: expected at least 2`,
      );
    }
    const architecture = {
      backbone: backboneByName(backbone),
      stem: "cifar",
      hidden: 4096,
      projection: 256,
    } as const;
    const begin = performance.now();
    using trainer = new Trainer(gpu, { architecture, batch, size: SIZE, optimizer: "lars" });
    trainer.initialize({ seed: 0, targetInit: "copy" });
    const views = new Float32Array(2 * batch * SIZE * SIZE * 4).map(keyedRandom(0).normal);
    let step = 0;
    const run = () =>
      trainer.step(views, { step: step++, lr: 0.1, momentum: 0.9, weightDecay: 1e-6, tau: 0.99 });
    run();
    await trainer.settled();
    const first = (performance.now() - begin) / 1000;
    const sample = await wallTimer({ run, settled: () => trainer.settled() });
    const times: number[] = [];
    for (let n = 0; n < SAMPLES; n++) times.push(await sample());
    const seconds = median(times);
    row(
      backbone,
      batch,
      first.toFixed(1),
      seconds.toFixed(3),
      (batch / seconds).toFixed(1),
      (trainer.plannedBytes / 1e6).toFixed(0),
    );
  }
}

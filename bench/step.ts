/**
 * The time of a training step: `deno task bench [backbone batch]…`, by default the configurations of bench/RESULTS.md.
 *
 * @module
 */
import { Trainer } from "../src/byol/trainer.ts";
import { openGpu } from "../src/gpu/device.ts";
import { backboneByName } from "../src/nn/backbones.ts";
import { keyedRandom } from "../src/random.ts";

const size = 32;
/** Samples of the time of a step, each of at least so many milliseconds. */
const SAMPLES = 5, SAMPLE_MS = 500;

const configurations = Deno.args.length ? Deno.args : ["resnet8", "64", "resnet20", "16", "resnet18", "4"];
using gpu = await openGpu();
console.log(
  `${gpu.name}, subgroups of ${gpu.subgroupSize || "various sizes"}, ${size} px, heads 4096 → 256, LARS\n`,
);
console.log("| backbone | batch | first step, s | step, s (median) | images/s | planned memory, MB |");
console.log("|---|---|---|---|---|---|");
for (let i = 0; i < configurations.length; i += 2) {
  const [backbone, batch] = [configurations[i], Number(configurations[i + 1])];
  const begin = performance.now();
  using trainer = new Trainer(gpu, {
    architecture: { backbone: backboneByName(backbone), stem: "cifar", hidden: 4096, projection: 256 },
    batch,
    size,
    optimizer: "lars",
  });
  trainer.initialize({ seed: 0, targetInit: "copy" });
  const views = new Float32Array(2 * batch * size * size * 4).map(keyedRandom(0).normal);
  let step = 0;
  const run = async (count: number) => {
    const start = performance.now();
    for (let n = 0; n < count; n++) {
      trainer.step(views, { step: step++, lr: 0.1, momentum: 0.9, weightDecay: 1e-6, tau: 0.99 });
    }
    await trainer.settled();
    return (performance.now() - start) / count;
  };
  await run(1);
  const first = performance.now() - begin;
  const count = Math.ceil(SAMPLE_MS / await run(1));
  const times: number[] = [];
  for (let n = 0; n < SAMPLES; n++) times.push(await run(count));
  const median = times.sort((a, b) => a - b)[SAMPLES >> 1] / 1000;
  console.log(
    `| ${backbone} | ${batch} | ${(first / 1000).toFixed(1)} | ${median.toFixed(3)} | ${
      (batch / median).toFixed(1)
    } | ` +
      `${(trainer.plannedBytes / 1e6).toFixed(0)} |`,
  );
}

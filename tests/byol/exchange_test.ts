/** Steps that ranks take together are those of one process, to the bit. */
import { assert, assertEquals } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";
import { memoryWorlds } from "../distributed/memory_world.ts";
import type { TrainerOptions } from "../../src/byol/trace_training.ts";
import { Trainer } from "../../src/byol/trainer.ts";
import { type World, worldOfOne } from "../../src/distributed/world.ts";
import { OnlineProbe } from "../../src/eval/online_probe.ts";
import { backboneByName } from "../../src/nn/backbones.ts";

const BATCH = 4, SIZE = 8, STEPS = 3;
const architecture = {
  backbone: backboneByName("resnet8"),
  stem: "cifar",
  hidden: 32,
  projection: 16,
} as const;

function views(i: number): Float32Array<ArrayBuffer> {
  const values = hashSigned(`views ${i}`, 2 * BATCH * SIZE * SIZE * 4) as Float32Array<ArrayBuffer>;
  return values.map((value, i) => i % 4 === 3 ? 0 : value);
}

/** Trains as one rank of `world` and returns the state and the metrics. */
async function train(world: World, options: Pick<TrainerOptions, "optimizer" | "accumulate">) {
  const accumulate = options.accumulate!;
  using trainer = new Trainer(await sharedGpu(), {
    ...{ architecture, batch: BATCH, size: SIZE, world },
    ...options,
    auxiliaryHead: (step) => new OnlineProbe({ ...step, dims: 64, classes: 3 }),
  });
  trainer.initialize({ seed: 3 + world.rank, targetInit: "copy" }); // rank 0's counts
  await trainer.share();
  for (let step = 0; step < STEPS; step++) {
    for (let part = world.rank; part < accumulate; part += world.size) {
      const labels = Array.from({ length: BATCH }, (_, i) => (i + part + step) % 3);
      const scalars = { lr: 0.3 - 0.1 * step, momentum: 0.9, weightDecay: 0.01, tau: 0.9 };
      const first = part - world.rank; // of the round
      const health = first + world.size >= accumulate;
      trainer.step(views(accumulate * step + part), { ...scalars, step, part: first, health, labels });
      const agreed = await trainer.join(step === 1 && world.rank === world.size - 1 ? 130 : 0);
      assertEquals(agreed?.stop ?? null, health ? (step === 1 ? 130 : 0) : null);
    }
  }
  return { state: await trainer.state(), metrics: await trainer.metrics(0, STEPS) };
}

for (
  const [optimizer, accumulate, sizes] of [["sgd", 4, [2, 4]], ["lars", 6, [2, 3]], ["lars", 4, [4]]] as const
) {
  Deno.test(
    `${sizes.join(" or ")} ranks take ${accumulate} batches a step as one process does, ${optimizer}`,
    onGpu,
    async () => {
      const alone = await train(worldOfOne, { optimizer, accumulate });
      for (const size of sizes) {
        const ranks = await Promise.all(
          memoryWorlds(size).map((world) => train(world, { optimizer, accumulate })),
        );
        for (const { state, metrics } of ranks) {
          assertEquals(metrics, alone.metrics);
          for (const [name, { data }] of alone.state) {
            const different = data.findIndex((value, i) => !Object.is(value, state.get(name)!.data[i]));
            assert(
              different < 0,
              `${size} ranks: ${name}[${different}] is ${state.get(name)!.data[different]}, not ${
                data[different]
              }`,
            );
          }
        }
      }
      // The probe learnt, and the running statistics moved.
      assert(alone.state.get("probe.classifier.weight")!.data.some((value) => value !== 0), "no probe");
      assert(
        alone.state.get("target.backbone.bn1.running_mean")!.data.some((value) => value !== 0),
        "no mean",
      );
    },
  );
}

Deno.test("a step's batches that ranks cannot share evenly are refused", onGpu, async () => {
  const [world] = memoryWorlds(2), gpu = await sharedGpu();
  let message = "";
  try {
    new Trainer(gpu, { architecture, batch: BATCH, size: SIZE, optimizer: "sgd", accumulate: 3, world });
  } catch (error) {
    message = (error as Error).message;
  }
  assertEquals(message, "Cannot share 3 batches of a step among 2 ranks");
});

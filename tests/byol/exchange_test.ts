/** Steps that ranks take together are those of one process, to the bit. */
import { assert, assertEquals } from "../assert.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";
import { memoryWorlds } from "../distributed/memory_world.ts";
import { Trainer } from "../../src/byol/trainer.ts";
import { type World, worldOfOne } from "../../src/distributed/world.ts";
import { tiny, trainTiny } from "./steps_of_ranks.ts";

const { halfPrecision } = await sharedGpu();

for (
  const [optimizer, accumulate, sizes, precision] of [
    ["sgd", 4, [2, 4], "f32"],
    ["lars", 6, [2, 3], "f32"],
    ["lars", 4, [4], "f32"],
    ["lars", 4, [2], "mixed"],
  ] as const
) {
  Deno.test(
    `${
      sizes.join(" or ")
    } ranks take ${accumulate} batches a step as one process does, ${optimizer}, ${precision}`,
    { ...onGpu, ignore: precision === "mixed" && !halfPrecision },
    async () => {
      const options = { gpu: await sharedGpu(), optimizer, accumulate, precision };
      const alone = await trainTiny({ ...options, world: worldOfOne });
      for (const size of sizes) {
        const ranks = await Promise.all(memoryWorlds(size).map((world) => trainTiny({ ...options, world })));
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

Deno.test("a rank does its part of an exchange before it leaves", onGpu, async () => {
  const gpu = await sharedGpu(),
    parts = await Promise.all(
      memoryWorlds(2).map(async (world) => {
        let exchanges = 0;
        const slow: World = {
          ...world,
          async exchange(sent, received) {
            await new Promise((resolve) => setTimeout(resolve, 20 * world.rank));
            await world.exchange(sent, received);
            exchanges++;
          },
        };
        using trainer = new Trainer(gpu, { ...tiny, optimizer: "sgd", accumulate: 4, world: slow });
        trainer.initialize({ seed: 1, targetInit: "copy" });
        const scalars = { lr: 0.1, momentum: 0.9, weightDecay: 0, tau: 0.9, step: 0, part: 0 };
        trainer.step(new Float32Array(2 * tiny.batch * tiny.size ** 2 * 4), scalars);
        await trainer.join();
        await trainer.endRound();
        return exchanges;
      }),
    );
  assertEquals(parts, [2, 2]); // of gradients and of moments
});

Deno.test("a step's batches that ranks cannot share evenly are refused", onGpu, async () => {
  const [world] = memoryWorlds(2), gpu = await sharedGpu();
  let message = "";
  try {
    new Trainer(gpu, { ...tiny, optimizer: "sgd", accumulate: 3, world });
  } catch (error) {
    message = (error as Error).message;
  }
  assertEquals(message, "Cannot share 3 batches of a step among 2 ranks");
});

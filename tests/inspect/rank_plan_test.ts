import { assert, assertClose, assertEquals } from "../assert.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";
import { memoryWorlds } from "../distributed/memory_world.ts";
import { Trainer } from "../../src/byol/trainer.ts";
import { deviceProfileOf } from "../../src/graph/kernel_choice.ts";
import { formatRankPlan, MEASURED, planRanks, stepCosts } from "../../src/inspect/rank_plan.ts";
import { backboneByName } from "../../src/nn/backbones.ts";

const options = {
  architecture: { backbone: backboneByName("resnet8"), stem: "cifar", hidden: 32, projection: 16 },
  batch: 4,
  size: 8,
  optimizer: "sgd",
} as const;

Deno.test("stepCosts() has the bytes that ranks exchange", onGpu, async () => {
  const gpu = await sharedGpu(), { bytes } = stepCosts(options, deviceProfileOf(gpu));
  for (const size of [2, 3, 4]) {
    const [world] = memoryWorlds(size);
    using trainer = new Trainer(gpu, { ...options, accumulate: size, world });
    const filledUp = trainer.exchangedBytes - bytes; // whole slices of all ranks
    assert(filledUp >= 0 && filledUp < 4 * size, `${trainer.exchangedBytes} instead of ${bytes} bytes`);
  }
});

Deno.test("planRanks() adds up what a step consists of", () => {
  const costs = { batch: 64, flops: 1e12, bytes: 1e8 }, speeds = { network: 80, gigaflops: 10_000 };
  assertEquals(planRanks(costs, { ...speeds, ranks: 1, batches: 3 }).imagesPerSecond, 640);
  const m = MEASURED,
    collective = (ranks: number) =>
      1e8 * (ranks - 1) / ranks / (10e9 * m.networkShare) + (ranks - 1) * m.message;
  const sum = (ranks: number) => m.meeting + ranks * m.meetingOfRank + collective(ranks) + 1e8 / m.adding;
  const read = m.mapping + 1e8 / m.reading, write = 1e8 / m.writing;
  const found = [2, 8].map((ranks) => planRanks(costs, { ...speeds, ranks, batches: 1 }));
  [2, 8].forEach((ranks, i) => {
    const step = 0.1 + read + sum(ranks) + collective(ranks) + write;
    const { step: planned, efficiency, imagesPerSecond, sent } = found[i];
    assertClose("step", [planned, imagesPerSecond, efficiency], [step, ranks * 64 / step, 0.1 / step], {
      relative: 1e-12,
    });
    assertEquals(sent, 2 * 1e8 * (ranks - 1) / ranks);
  });
  // The sums of earlier batches hide behind the computation of the next.
  const more = planRanks(costs, { ...speeds, ranks: 2, batches: 4 }).step;
  assertClose("step of 4", [more], [4 * (0.1 + read) + sum(2) + collective(2) + write], { relative: 1e-12 });
});

Deno.test("formatRankPlan() has a line for each power of two", () => {
  const costs = { batch: 64, flops: 1e12, bytes: 1e8 };
  const text = formatRankPlan(costs, { most: 24, network: 80, gigaflops: 10_000 });
  assertEquals([...text.matchAll(/^ {2}(\d+) /gm)].map(([, ranks]) => ranks), [
    "1",
    "2",
    "4",
    "8",
    "16",
    "24",
  ]);
});

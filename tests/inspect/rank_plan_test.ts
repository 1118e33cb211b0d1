import { assertClose, assertEquals } from "../assert.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";
import { memoryWorlds } from "../distributed/memory_world.ts";
import { Trainer } from "../../src/byol/trainer.ts";
import type { World } from "../../src/distributed/world.ts";
import { deviceProfileOf } from "../../src/graph/kernel_choice.ts";
import { formatRankPlan, MEASURED, planRanks, stepCosts } from "../../src/inspect/rank_plan.ts";
import { backboneByName } from "../../src/nn/backbones.ts";

const options = {
  architecture: { backbone: backboneByName("resnet8"), stem: "cifar", hidden: 32, projection: 16 },
  batch: 4,
  size: 8,
  optimizer: "sgd",
} as const;

/** What `world` sends to other ranks from now on. */
function counted(
  world: World,
): { world: World; sent: { bytes: number; messages: number; meetings: number } } {
  const sent = { bytes: 0, messages: 0, meetings: 0 }, others = world.size - 1;
  const counting: World = {
    ...world,
    meet(what, word) {
      sent.meetings++;
      return world.meet(what, word);
    },
    exchange(numbers, received) {
      sent.bytes += numbers.byteLength / world.size * others;
      sent.messages += others;
      return world.exchange(numbers, received);
    },
    gather(numbers, received) {
      sent.bytes += numbers.byteLength * others;
      sent.messages += others;
      return world.gather(numbers, received);
    },
  };
  return { world: counting, sent };
}

Deno.test("planRanks() has the bytes and the messages of a step", onGpu, async () => {
  const gpu = await sharedGpu(), costs = stepCosts(options, deviceProfileOf(gpu));
  const views = new Float32Array(2 * options.batch * options.size ** 2 * 4).map((_, i) => Math.sin(i));
  for (const [ranks, batches] of [[2, 1], [3, 1], [2, 3], [4, 2]]) {
    await Promise.all(
      memoryWorlds(ranks).map(async (each) => {
        const { world, sent } = counted(each);
        using trainer = new Trainer(gpu, { ...options, accumulate: ranks * batches, world });
        trainer.initialize({ seed: 1, targetInit: "copy" });
        for (let part = 0; part < ranks * batches; part += ranks) {
          trainer.step(views, { step: 0, part, lr: 0.1, momentum: 0.9, weightDecay: 0, tau: 0.9 });
          await trainer.join();
        }
        const planned = planRanks(costs, { network: 1, gigaflops: 1, ranks, batches });
        assertEquals(
          [planned.sent, planned.messages, batches],
          [sent.bytes, sent.messages, sent.meetings],
          `${ranks} ranks of ${batches} batches`,
        );
      }),
    );
  }
});

Deno.test("planRanks() adds up what a step consists of", () => {
  const costs = { batch: 64, flops: 1e12, summed: 9e7, statistics: 5e6 };
  const speeds = { network: 80, gigaflops: 10_000 };
  assertEquals(planRanks(costs, { ...speeds, ranks: 1, batches: 3 }).imagesPerSecond, 640);
  const m = MEASURED;
  const sending = (bytes: number, ranks: number) =>
    bytes * (ranks - 1) / ranks / (10e9 * m.networkShare) + 2 * (ranks - 1) * m.message;
  // A rank sends and adds the moments of two views, and gets the statistics.
  const sum = (ranks: number) => m.meeting + ranks * m.meetingOfRank + sending(1e8, ranks) + 1e8 / m.adding;
  const read = m.mapping + 1e8 / m.reading, write = 9.5e7 / m.writing;
  const found = [2, 8].map((ranks) => planRanks(costs, { ...speeds, ranks, batches: 1 }));
  [2, 8].forEach((ranks, i) => {
    const step = 0.1 + read + sum(ranks) + sending(9.5e7, ranks) + write;
    const { step: planned, efficiency, imagesPerSecond, sent } = found[i];
    assertClose("step", [planned, imagesPerSecond, efficiency], [step, ranks * 64 / step, 0.1 / step], {
      relative: 1e-12,
    });
    assertEquals(sent, 1.95e8 * (ranks - 1) / ranks);
  });
  // The sums of earlier batches hide behind the computation of the next.
  const more = planRanks(costs, { ...speeds, ranks: 2, batches: 4 }).step;
  const step = 4 * (0.1 + read) + sum(2) + sending(9.5e7, 2) + write;
  assertClose("step of 4", [more], [step], { relative: 1e-12 });
});

Deno.test("formatRankPlan() has a line for each power of two", () => {
  const costs = { batch: 64, flops: 1e12, summed: 9e7, statistics: 5e6 };
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

import { targetDecay } from "../../src/byol/schedule.ts";
import { learningRate } from "../../src/optim/schedule.ts";
import { assertClose, assertEquals } from "../assert.ts";

Deno.test("learningRate() rises linearly during warm-up, then falls to 0 along a cosine", () => {
  const lr = (step: number) => learningRate(step, { lr: 2, total: 100, warmup: 0.2 });
  assertClose("lr", [0, 9, 19, 20, 40, 60, 80, 99].map(lr), [
    0.1,
    1,
    2,
    2,
    1 + Math.SQRT1_2,
    1,
    1 - Math.SQRT1_2,
    1 + Math.cos(Math.PI * 79 / 80),
  ], { absolute: 1e-12 });
  assertEquals(learningRate(0, { lr: 2, total: 10, warmup: 0 }), 2);
  assertEquals(learningRate(9, { lr: 2, total: 10, warmup: 1 }), 2);
});

Deno.test("targetDecay() rises from its base to 1 as in the paper, or stays", () => {
  const tau = (step: number) => targetDecay(step, { tau: 0.96, total: 100, schedule: "cosine" });
  assertClose("tau", [0, 25, 50, 100].map(tau), [0.96, 1 - 0.02 * (Math.SQRT1_2 + 1), 0.98, 1], {
    absolute: 1e-12,
  });
  assertEquals(targetDecay(70, { tau: 0.96, total: 100, schedule: "constant" }), 0.96);
  assertEquals(targetDecay(70, { tau: 1, total: 100, schedule: "cosine" }), 1);
});

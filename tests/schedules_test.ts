import { targetDecay } from "../src/byol/schedule.ts";
import { Clock } from "../src/clock.ts";
import { learningRate } from "../src/optim/schedule.ts";
import { assertClose, assertEquals } from "./assert.ts";

Deno.test("learningRate: rises linearly over the warm-up, then falls to 0 along a cosine", () => {
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

Deno.test("targetDecay: rises from its base to 1 as the paper has it, or stays", () => {
  const tau = (step: number) => targetDecay(step, { tau: 0.96, total: 100, schedule: "cosine" });
  assertClose("tau", [0, 25, 50, 100].map(tau), [0.96, 1 - 0.02 * (Math.SQRT1_2 + 1), 0.98, 1], {
    absolute: 1e-12,
  });
  assertEquals(targetDecay(70, { tau: 0.96, total: 100, schedule: "constant" }), 0.96);
  assertEquals(targetDecay(70, { tau: 1, total: 100, schedule: "cosine" }), 1);
});

Deno.test("Clock: counts as waiting only what the GPU idled", async () => {
  let now = 0;
  const clock = new Clock({ now: () => now });
  const step = Promise.withResolvers<void>();
  const done = clock.submitted(step.promise);
  const hidden = Promise.withResolvers<void>();
  const first = clock.waiting(hidden.promise); // all of it behind the GPU's work
  now = 40;
  hidden.resolve();
  await first;
  now = 50;
  assertEquals(clock.lap(10), { images_per_second: 0, data_wait: 0 });

  const late = Promise.withResolvers<void>();
  const second = clock.waiting(late.promise); // begins at 50, the GPU is done at 100, the data come at 250
  now = 100;
  step.resolve();
  await done;
  now = 250;
  late.resolve();
  await second;
  assertEquals(clock.lap(10), { images_per_second: 100, data_wait: 0.75 }); // one step, done after 100 ms
  assertEquals(clock.lap(10).images_per_second, 100);
  assertEquals(clock.seconds, 0.25);

  await clock.apart(() => Promise.resolve(now = 1250)); // an evaluation of a second
  const next = Promise.withResolvers<void>();
  const taken = clock.submitted(next.promise);
  now = 1300;
  next.resolve();
  await taken;
  assertEquals(clock.seconds, 0.3);
  assertEquals(clock.lap(10), { images_per_second: 50, data_wait: 0 }); // of 200 ms since the step before was done
});

Deno.test("Clock: a GPU that is done before that is known has waited all the same", async () => {
  let now = 0;
  const clock = new Clock({ now: () => now, delay: 11 });
  // Steps of 1 ms, data every 6 ms, and the news of each step 11 ms late, when others have been submitted.
  const news: { at: number; tell: () => void }[] = [], told: Promise<void>[] = [];
  const advance = async (to: number) => {
    while (news.length && news[0].at <= to) {
      now = news[0].at;
      news.shift()!.tell();
      await told.shift();
    }
    now = to;
  };
  for (let step = 0; step < 20; step++) {
    const step = Promise.withResolvers<void>(), data = Promise.withResolvers<void>();
    told.push(clock.submitted(step.promise));
    news.push({ at: now + 1 + 11, tell: step.resolve });
    const waited = clock.waiting(data.promise);
    await advance(now + 6);
    data.resolve();
    await waited;
  }
  await advance(now + 12);
  const { data_wait } = clock.lap(1);
  assertClose("data wait", [data_wait], [20 * 5 / 132], { absolute: 1e-9 });
});

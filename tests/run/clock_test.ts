import { pretrain } from "../../src/run/pretrain.ts";
import { Clock } from "../../src/run/clock.ts";
import { BYTES_AHEAD, Pacer, STEPS_AHEAD } from "../../src/run/pacer.ts";
import { slowGpu } from "../gpu/slow_gpu.ts";
import { assert, assertClose, assertEquals, assertThrows } from "../assert.ts";

/** A clock set by hand, and a GPU that takes `stepMs` per step and blocks the caller that asks it, as Deno does. */
function simulate({ stepMs, delay = 0 }: { stepMs: number; delay?: number }) {
  let now = 0, idleAt = 0, asked = 0, held = 0;
  const clock = new Clock({ now: () => now, delay });
  return {
    clock,
    /** Lets time pass. */
    pass: (ms: number) => now += ms,
    now: () => now,
    /** What reaches the GPU. */
    submit: () => idleAt = Math.max(now, idleAt) + stepMs,
    wait: (ms: number) => clock.waiting(Promise.resolve().then(() => now += ms)),
    sleep: (ms: number) => Promise.resolve(now += ms),
    settled(): Promise<void> {
      asked++;
      held += Math.max(0, idleAt - now);
      now = Math.max(now, idleAt);
      const free = now;
      // The event loop goes on meanwhile: the answer comes late.
      return Promise.resolve().then(() => now = Math.max(now, free + delay)).then(() => {});
    },
    asked: () => asked,
    held: () => held,
    idleAt: () => idleAt,
  };
}

Deno.test("Clock counts only the GPU's idle time as data wait", async () => {
  const { clock, pass, submit, wait, settled } = simulate({ stepMs: 100 });
  // Begins at 0, 40, 250 and 260, so that the GPU idles from 0 to 10 (no wait for data) and from 210 to 250.
  for (const [idle, data] of [[10, 0], [0, 30], [0, 210], [10, 0]]) {
    pass(idle);
    if (data) await wait(data);
    clock.submitted();
    submit();
  }
  assertEquals(clock.lap(10), { imagesPerSecond: 0, dataWait: 0 });
  assertEquals([clock.done, clock.pending], [0, 4]);
  await clock.settled(settled);
  assertEquals([clock.done, clock.pending, clock.stepMs], [4, 0, 100]);
  assertEquals(clock.lap(10), { imagesPerSecond: 4 * 10 / .45, dataWait: 40 / 450 });
  assertEquals(clock.lap(10), { imagesPerSecond: 4 * 10 / .45, dataWait: 40 / 450 });
  assertEquals(clock.seconds, .45);
});

Deno.test("Clock.excluding() does not count the time of its work", async () => {
  const { clock, pass, submit, settled } = simulate({ stepMs: 50 });
  const step = async () => {
    clock.submitted();
    submit();
    await clock.settled(settled);
  };
  await step();
  await clock.excluding(() => Promise.resolve(pass(1000)));
  pass(50);
  await step();
  assertEquals([clock.seconds, clock.excludedSeconds], [.15, 1]);
  assertClose("rate", [clock.lap(10).imagesPerSecond], [2 * 10 / .15], { absolute: 1e-9 });
});

Deno.test("Clock subtracts the delay of answers from the GPU's time", async () => {
  const { clock, submit, wait, settled } = simulate({ stepMs: 1, delay: 11 });
  // Steps of 1 ms, data every 6 ms: the GPU waits for data in 5 of 6 ms.
  for (let step = 0; step < 20; step++) {
    await wait(6);
    clock.submitted();
    submit();
    if (step % 10 === 9) await clock.settled(settled);
  }
  // The main thread waited 11 ms for the answer after the tenth step, which is no wait for data.
  const { imagesPerSecond, dataWait } = clock.lap(1);
  assertClose("rate", [imagesPerSecond], [20 / .133], { absolute: 1e-6 });
  assertClose("data wait", [dataWait], [(6 + 9 * 5 + 6 + 9 * 5) / 133], { absolute: 1e-9 });
});

Deno.test("Clock.settled() counts only steps submitted before the question", async () => {
  let now = 0;
  const clock = new Clock({ now: () => now });
  clock.submitted();
  const idle = Promise.withResolvers<void>(), done = clock.settled(() => idle.promise);
  now = 30;
  clock.submitted();
  now = 100; // an implementation that does not block the caller answers for the first alone
  idle.resolve();
  await done;
  assertEquals([clock.done, clock.pending, clock.stepMs], [1, 1, 100]);
  now = 180;
  await clock.settled(() => Promise.resolve());
  assertEquals([clock.done, clock.pending, clock.stepMs], [2, 0, 80]); // it began at 100, not at 30
});

/** Submits `steps` steps, whose upload takes the host 1 ms, to a GPU that takes `stepMs` for each. */
async function pace({ stepMs, steps, delay = 11 }: { stepMs: number; steps: number; delay?: number }) {
  const gpu = simulate({ stepMs, delay }), pacer = new Pacer(gpu);
  for (let i = 0; i < steps; i++) {
    gpu.pass(1);
    gpu.submit();
    await pacer.submitted(1);
  }
  return { ...gpu, pacer };
}

Deno.test("Pacer asks once in STEPS_AHEAD steps, less often if they are short", async () => {
  const { min, max } = STEPS_AHEAD;
  for (
    const [stepMs, steps, asked] of [[300, 10 * min, 10], [5, min + 8 * max, 9], [50, min + 60, 4]]
  ) {
    const gpu = await pace({ stepMs, steps });
    assertEquals(gpu.asked(), asked);
    await gpu.pacer.drain();
    assertEquals([gpu.clock.done, gpu.clock.pending], [steps, 0]);
    const more = gpu.asked();
    await gpu.pacer.drain();
    assertEquals(gpu.asked(), more); // there was nothing to ask for
    assertClose("step", [gpu.clock.stepMs], [stepMs], { absolute: 1e-6 });
  }
});

Deno.test("Pacer keeps the GPU busy and blocks the host for at most one step per question", async () => {
  const steps = 400, stepMs = 100, gpu = await pace({ stepMs, steps, delay: 0 });
  // The GPU waits for the first upload, and for one after each question.
  assertEquals(gpu.idleAt(), 1 + steps * stepMs + gpu.asked());
  // At the first question the length of a step is not known.
  const first = STEPS_AHEAD.min * stepMs;
  assert(gpu.held() <= first + (gpu.asked() - 1) * stepMs, `held for ${gpu.held()} ms`);
});

Deno.test("Clock.lap() gives the same rate however late the answers are", async () => {
  // The event loop is free only while the caller is blocked: an answer arrives with the next question.
  let now = 0, idleAt = 0;
  const clock = new Clock({ now: () => now, delay: 11 }), answers: (() => void)[] = [], rates: number[] = [];
  for (let lap = 0; lap < 6; lap++) {
    for (let i = 0; i < 10; i++) {
      clock.submitted();
      idleAt = Math.max(now, idleAt) + 100;
    }
    const done = clock.settled(() => {
      now = Math.max(now, idleAt);
      return new Promise((resolve) => answers.push(resolve));
    });
    if (lap === 0) continue;
    answers.shift()!();
    await Promise.race([done, new Promise((resolve) => setTimeout(resolve))]);
    rates.push(clock.lap(1).imagesPerSecond);
  }
  assertClose("rates", rates, Array(5).fill(10), { absolute: 1e-9 });
});

Deno.test("Pacer limits the bytes that wait for the GPU", async () => {
  const gpu = simulate({ stepMs: 300 }), pacer = new Pacer(gpu);
  for (let i = 0; i < 12; i++) {
    gpu.submit();
    await pacer.submitted(BYTES_AHEAD / 3);
  }
  assertEquals(gpu.asked(), 4);
});

Deno.test("Pacer throws a failure of the GPU where it waits for it", async () => {
  const pacer = new Pacer({ clock: new Clock(), settled: () => Promise.reject(new Error("lost")) });
  const submit = async () => {
    for (let i = 0; i < 2 * STEPS_AHEAD.min; i++) await pacer.submitted(1);
  };
  await assertThrows(submit, Error, /lost/);
  await assertThrows(() => pacer.drain(), Error, /lost/);
});

Deno.test("pretrain() asks the GPU once in STEPS_AHEAD steps and reads it once in 50", async () => {
  const out = await Deno.makeTempDir();
  try {
    using slow = slowGpu(25);
    const small = { backbone: "resnet8", size: 16, hidden: 16, projection: 8, batch: 8, workers: 1 } as const;
    const run = {
      data: "shapes:64",
      holdout: 0,
      steps: 100,
      checkpointEvery: 1000,
      kernels: "default",
    } as const;
    await pretrain({ ...small, ...run, out: `${out}/run`, log() {} });
    assertEquals(slow.steps, 100);
    // Three times before the first step, once in 8 steps or more, before each reading and at the end.
    assert(slow.asked <= 3 + 100 / STEPS_AHEAD.min + 3, `asked ${slow.asked} times`);
    // Metrics after 50 and 100 steps, and the five parts of the state at the end.
    assertEquals(slow.read, 2 + 5);
  } finally {
    await Deno.remove(out, { recursive: true });
  }
});

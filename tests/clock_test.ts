import { Clock } from "../src/clock.ts";
import { BYTES_AHEAD, Pacer, STEPS_AHEAD } from "../src/pacer.ts";
import { assertClose, assertEquals, assertThrows } from "./assert.ts";

/** A clock that is set by hand, and a GPU that takes `stepMs` a step and holds whoever asks it, as Deno does. */
function simulate({ stepMs, delay = 0 }: { stepMs: number; delay?: number }) {
  let now = 0, idleAt = 0, asked = 0;
  const clock = new Clock({ now: () => now, delay });
  return {
    clock,
    /** Lets time pass. */
    pass: (ms: number) => now += ms,
    now: () => now,
    /** What reaches the GPU. */
    submit: () => idleAt = Math.max(now, idleAt) + stepMs,
    wait: (ms: number) => clock.waiting(Promise.resolve().then(() => now += ms)),
    settled(): Promise<void> {
      asked++;
      now = Math.max(now, idleAt);
      const held = now;
      // Others go on in the meantime: the news comes late.
      return Promise.resolve().then(() => now = Math.max(now, held + delay)).then(() => {});
    },
    asked: () => asked,
  };
}

Deno.test("Clock counts as data wait only the time that the GPU idles", async () => {
  const { clock, pass, submit, wait, settled } = simulate({ stepMs: 100 });
  // Begins at 0, 40, 250 and 260, so that the GPU idles from 0 to 10 (no wait for data) and from 210 to 250.
  for (const [idle, data] of [[10, 0], [0, 30], [0, 210], [10, 0]]) {
    pass(idle);
    if (data) await wait(data);
    clock.submitted();
    submit();
  }
  assertEquals(clock.lap(10), { images_per_second: 0, data_wait: 0 });
  assertEquals([clock.done, clock.pending], [0, 4]);
  await clock.settled(settled());
  assertEquals([clock.done, clock.pending, clock.stepMs], [4, 0, 100]);
  assertEquals(clock.lap(10), { images_per_second: 4 * 10 / .45, data_wait: 40 / 450 });
  assertEquals(clock.lap(10), { images_per_second: 4 * 10 / .45, data_wait: 40 / 450 });
  assertEquals(clock.seconds, .45);
});

Deno.test("Clock leaves out what is done apart from training", async () => {
  const { clock, pass, submit, settled } = simulate({ stepMs: 50 });
  const step = async () => {
    clock.submitted();
    submit();
    await clock.settled(settled());
  };
  await step();
  await clock.apart(() => Promise.resolve(pass(1000)));
  pass(50);
  await step();
  assertEquals(clock.seconds, .15);
  assertClose("rate", [clock.lap(10).images_per_second], [2 * 10 / .15], { absolute: 1e-9 });
});

Deno.test("Clock takes the delay of the news from the GPU's time", async () => {
  const { clock, submit, wait, settled } = simulate({ stepMs: 1, delay: 11 });
  // Steps of 1 ms, data every 6 ms: the GPU waits for data in 5 of 6 ms.
  for (let step = 0; step < 20; step++) {
    await wait(6);
    clock.submitted();
    submit();
    if (step % 10 === 9) await clock.settled(settled());
  }
  // The main thread itself waited for the news, 11 ms after the tenth step, which no wait for data was.
  const { images_per_second, data_wait } = clock.lap(1);
  assertClose("rate", [images_per_second], [20 / .133], { absolute: 1e-6 });
  assertClose("data wait", [data_wait], [(6 + 9 * 5 + 6 + 9 * 5) / 133], { absolute: 1e-9 });
});

Deno.test("Clock knows of steps submitted while the answer was under way", async () => {
  let now = 0;
  const clock = new Clock({ now: () => now });
  clock.submitted();
  const idle = Promise.withResolvers<void>(), done = clock.settled(idle.promise);
  now = 30;
  clock.submitted();
  now = 100; // An implementation that does not hold the caller tells of the first alone.
  idle.resolve();
  await done;
  assertEquals([clock.done, clock.pending, clock.stepMs], [1, 1, 100]);
  now = 180;
  await clock.settled(Promise.resolve());
  assertEquals([clock.done, clock.pending, clock.stepMs], [2, 0, 80]); // it began at 100, not at 30
});

Deno.test("Pacer asks once in STEPS_AHEAD steps, more rarely if they are short", async () => {
  for (const [stepMs, steps] of [[300, 80], [5, 512 + 8]]) {
    const { clock, submit, settled, asked } = simulate({ stepMs });
    const pacer = new Pacer({ clock, settled });
    for (let i = 0; i < steps; i++) {
      submit();
      await pacer.submitted(1);
    }
    assertEquals(asked(), stepMs === 300 ? steps / STEPS_AHEAD.least : 1 + 512 / STEPS_AHEAD.most);
    await pacer.drain();
    assertEquals([clock.done, clock.pending], [steps, 0]);
    await pacer.drain();
    assertEquals(clock.stepMs, stepMs);
  }
});

Deno.test("Pacer bounds the bytes that wait for the GPU", async () => {
  const { clock, submit, settled, asked } = simulate({ stepMs: 300 });
  const pacer = new Pacer({ clock, settled });
  for (let i = 0; i < 12; i++) {
    submit();
    await pacer.submitted(BYTES_AHEAD / 3);
  }
  assertEquals(asked(), 4);
});

Deno.test("Pacer meets a failure of the GPU where it waits for it", async () => {
  const clock = new Clock();
  const pacer = new Pacer({ clock, settled: () => Promise.reject(new Error("lost")) });
  const submit = async () => {
    for (let i = 0; i < 2 * STEPS_AHEAD.least; i++) await pacer.submitted(1);
  };
  await assertThrows(submit, Error, /lost/);
  await assertThrows(() => pacer.drain(), Error, /lost/);
});

import { EvaluationSchedule } from "../../src/run/evaluation_schedule.ts";
import { TimeLeft } from "../../src/run/time_left.ts";
import { assertClose, assertEquals } from "../assert.ts";

const options = { batch: 10, accumulate: 1, evalEvery: null };

/** The steps after which a run evaluates, as its loop finds them. */
function evaluated(
  given: Partial<ConstructorParameters<typeof EvaluationSchedule>[0]>,
  sizes: { length: number; total: number },
) {
  const { batch, accumulate, evalEvery } = { ...options, ...given };
  const schedule = new EvaluationSchedule({ batch, accumulate, evalEvery }, sizes), steps: number[] = [];
  const perEpoch = Math.floor(sizes.length / batch);
  let isDue = false;
  for (let b = 1; b <= sizes.total * accumulate; b++) {
    isDue ||= schedule.isDue(Math.floor((b - 1) / perEpoch), Math.floor(b / perEpoch));
    if (b % accumulate !== 0 || !(isDue || b === sizes.total * accumulate)) continue;
    steps.push(b / accumulate);
    isDue = false;
  }
  return { schedule, steps };
}

Deno.test("EvaluationSchedule knows how many evaluations are left, also of epochs that end within a step", () => {
  for (
    const [given, sizes] of [
      [{ evalEvery: 1 }, { length: 65, total: 18 }],
      [{ evalEvery: 1 }, { length: 65, total: 20 }],
      [{ evalEvery: 2 }, { length: 65, total: 24 }],
      [{ evalEvery: 2 }, { length: 65, total: 7 }],
      [{ evalEvery: 0 }, { length: 65, total: 7 }],
      [{ evalEvery: 1, accumulate: 4 }, { length: 65, total: 9 }],
      [{ evalEvery: 1, accumulate: 4 }, { length: 65, total: 11 }],
      [{}, { length: 65, total: 600 }],
      [{}, { length: 6500, total: 60 }],
    ] as const
  ) {
    const { schedule, steps } = evaluated(given, sizes);
    for (let step = 0; step <= sizes.total; step++) {
      const after = steps.filter((at) => at > step).length;
      assertEquals(schedule.left(step), after, `${JSON.stringify([given, sizes])}, step ${step}`);
    }
  }
});

Deno.test("EvaluationSchedule has about 20 evaluations by default, and one at the end of less than an epoch", () => {
  assertEquals(evaluated({}, { length: 100, total: 1000 }).steps.length, 20);
  assertEquals(evaluated({}, { length: 100, total: 990 }).steps.length, 20);
  assertEquals(evaluated({}, { length: 100, total: 50 }).steps, [10, 20, 30, 40, 50]);
  assertEquals(evaluated({}, { length: 100, total: 7 }).steps, [7]);
  const unknown = new EvaluationSchedule(options, { length: null, total: 50 });
  assertEquals([unknown.every, unknown.left(3), unknown.left(50)], [0, 1, 0]);
});

Deno.test("TimeLeft goes by the last three minutes and adds the evaluations to come", () => {
  const clock = { seconds: 0, excludedSeconds: 0 }, total = 1000;
  const left = new TimeLeft(
    { total, clock, schedule: { left: (step) => 10 - Math.floor(step / 100) } },
    0,
  );
  assertEquals(left.after(0), null);
  clock.seconds = 100;
  assertClose("1 s a step", [left.after(100)!], [900], { absolute: 1e-9 });
  for (let step = 110; step <= 200; step += 10) {
    clock.seconds += 100;
    left.after(step);
  }
  assertClose("10 s a step since", [left.after(200)!], [8000], { absolute: 1e-9 });
  clock.seconds += 100;
  clock.excludedSeconds = 60; // of the evaluations after steps 100 and 200
  assertClose("and eight evaluations of 30 s", [left.after(210)!], [7900 + 8 * 30], { absolute: 1e-9 });
  clock.seconds += 1000;
  assertClose("a step of 1,000 s", [left.after(211)!], [789 * 1000 + 240], { absolute: 1e-9 });
  assertEquals(left.after(1000) !== null && left.after(1000)! >= 0, true);
});

Deno.test("TimeLeft of a resumed run counts its own steps", () => {
  const clock = { seconds: 5, excludedSeconds: 0 };
  const left = new TimeLeft({ total: 300, clock, schedule: { left: () => 0 } }, 200);
  assertEquals(left.after(200), null);
  clock.seconds = 25;
  assertEquals(left.after(210), 180);
});

/** What a run writes down, of steps that a stand-in for the GPU takes. */
import { UserError } from "../src/errors.ts";
import { Clock } from "../src/clock.ts";
import { trainOptions } from "../src/cli/train_defaults.ts";
import { Recorder, type RecorderOptions, type StepRecord } from "../src/recorder.ts";
import { assert, assertEquals, assertThrows } from "./assert.ts";

/** Takes `steps` of `total` steps, each of 10 ms, and returns what was read and written. */
async function record(
  { steps, total, lossOf, lines = [] }: {
    steps: number;
    total: number;
    lossOf(i: number): number;
    lines?: StepRecord[];
  },
) {
  const options = trainOptions({ batch: 4, steps: total, logEvery: 10, checkpointEvery: 1000 });
  const reads: [number, number][] = [], shown: (number | null)[] = [];
  let now = 0;
  const clock = new Clock({ now: () => now });
  const recorder = new Recorder({
    options,
    total,
    clock,
    trainer: {
      settled: () => Promise.resolve(),
      metrics(from: number, to: number) {
        reads.push([from, to]);
        return Promise.resolve(
          Array.from({ length: to - from }, (_, i) => ({ loss: lossOf(from + i), zStd: 0.1 })),
        );
      },
    },
    metrics: { write: (line: StepRecord) => lines.push(line), flush() {} },
    progress: { update: (_: number, { loss }: { loss: number | null }) => shown.push(loss) },
  } as unknown as RecorderOptions, null);
  for (let i = 0; i < steps; i++) {
    const step = Promise.withResolvers<void>(), done = clock.submitted(step.promise);
    now += 10;
    step.resolve();
    await done;
    recorder.submitted({ epoch: 0, next: { epoch: 0, offset: 4 * i + 4 } });
    await recorder.reportIfDue();
  }
  await recorder.report();
  return { reads, lines, shown };
}

Deno.test("Recorder: the GPU is asked once in 50 steps, and no logged step is left out", async () => {
  const { reads, lines, shown } = await record({ steps: 123, total: 123, lossOf: (i) => i / 100 });
  assertEquals(reads, [[0, 50], [50, 100], [100, 123]]);
  assertEquals(lines.map(({ step }) => step), [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 123]);
  assertEquals(lines.map(({ loss }) => loss), lines.map(({ step }) => (step - 1) / 100));
  // 4 images in 10 ms.
  for (const { images_per_second } of lines) assert(Math.abs(images_per_second - 400) < 1e-6);
  assertEquals(shown, [null, null, null, null, ...Array(5).fill(0.49), ...Array(3).fill(0.99), 1.22]);
});

Deno.test("Recorder: what came before a loss that is not finite is written", async () => {
  const lines: StepRecord[] = [];
  await assertThrows(
    () => record({ steps: 50, total: 90, lossOf: (i) => i < 34 ? 1 : NaN, lines }),
    UserError,
    /the loss of step 35 is NaN/,
  );
  assertEquals(lines.map(({ step }) => step), [10, 20, 30]);
});

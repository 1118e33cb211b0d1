/** What a run records of steps that a stand-in for the GPU takes. */
import { join } from "node:path";
import type { Submission } from "../../src/byol/trainer.ts";
import type { PretrainOptions } from "../../src/config/pretrain_options.ts";
import { CollapseError, exitCode, UserError } from "../../src/base/errors.ts";
import { Clock } from "../../src/run/clock.ts";
import { Pacer } from "../../src/run/pacer.ts";
import { resolveOptions } from "../../src/config/resolve_options.ts";
import { scheduledScalars } from "../../src/run/schedule.ts";
import { Recorder, type RecorderOptions } from "../../src/run/recorder.ts";
import type { StepRecord } from "../../src/config/callbacks.ts";
import { loadCheckpoint } from "../../src/io/checkpoint.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { temporaryFolder } from "../io/temporary_folder.ts";

/** Takes `steps` of `total` steps, each batch in 10 ms, and returns what was read and written. */
async function record(
  { steps, total, lossOf, zStdOf = () => 0.1, isSkipped, given, lines = [], logged = [], onStep }: {
    steps: number;
    total: number;
    lossOf(i: number): number;
    zStdOf?(i: number): number;
    /** With mixed precision. */
    isSkipped?(i: number): boolean;
    given?: PretrainOptions;
    lines?: StepRecord[];
    logged?: string[];
    onStep?: (record: StepRecord) => void;
  },
) {
  const options = resolveOptions({ batch: 4, steps: total, logEvery: 10, checkpointEvery: 1000, ...given });
  const reads: [number, number][] = [], shown: (number | null)[] = [], submissions: Submission[] = [];
  let now = 0;
  const clock = new Clock({ now: () => now });
  const recorder = new Recorder({
    options,
    total,
    clock,
    pacer: new Pacer({ clock, settled: () => Promise.resolve() }),
    trainer: {
      metrics(from: number, to: number) {
        reads.push([from, to]);
        return Promise.resolve(
          Array.from({ length: to - from }, (_, i) => ({
            loss: lossOf(from + i),
            zStd: zStdOf(from + i),
            gradNorm: from + i,
            targetCosine: options.target === "ema" ? 0.5 : null,
            ...isSkipped && { lossScale: 1024, skipped: isSkipped(from + i) },
          })),
        );
      },
      state: () => Promise.resolve(new Map()),
      undecayed: [],
    },
    timeLeft: { after: () => null },
    learning: { state: null, verdict: null },
    callbacks: { onStep },
    bad: { flush() {} },
    metrics: { write: (line: StepRecord) => lines.push(line), flush() {} },
    observers: {},
    progress: {
      log: (line: string) => logged.push(line),
      update: (_: number, { loss }: { loss: number | null }) => shown.push(loss),
    },
  } as unknown as RecorderOptions, null);
  for (let i = 0; i < steps * options.accumulate; i++) {
    submissions.push({ ...scheduledScalars(recorder.step, { options, total }), ...recorder.next() });
    clock.submitted();
    now += 10;
    await clock.settled(() => Promise.resolve());
    recorder.submitted({ epoch: 0, next: { epoch: 0, offset: 4 * i + 4 } });
    await recorder.reportIfDue();
  }
  await recorder.save();
  return { reads, lines, shown, submissions, recorder, logged };
}

Deno.test("Recorder reads the GPU once in 50 steps and records every logged step", async () => {
  const { reads, lines, shown } = await record({ steps: 123, total: 123, lossOf: (i) => i / 100 });
  assertEquals(reads, [[0, 50], [50, 100], [100, 123]]);
  assertEquals(lines.map(({ step }) => step), [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 123]);
  assertEquals(lines.map(({ loss }) => loss), lines.map(({ step }) => (step - 1) / 100));
  // 4 images in 10 ms.
  for (const { imagesPerSecond } of lines) assert(Math.abs(imagesPerSecond - 400) < 1e-6);
  assertEquals(shown, [null, null, null, null, ...Array(5).fill(0.49), ...Array(3).fill(0.99), 1.22]);
});

Deno.test("Recorder writes the steps before a loss that is not finite", async () => {
  const lines: StepRecord[] = [];
  await assertThrows(
    () => record({ steps: 50, total: 90, lossOf: (i) => i < 34 ? 1 : NaN, lines }),
    UserError,
    /the loss of step 35 is NaN/,
  );
  assertEquals(lines.map(({ step }) => step), [10, 20, 30]);
});

Deno.test("Recorder measures the weights at logged steps, τ and cosine only with a target network", async () => {
  const run = (given: PretrainOptions) => record({ steps: 25, total: 25, lossOf: () => 1, given });
  const { lines, submissions } = await run({});
  assertEquals(lines.map(({ step, gradNorm, targetCosine }) => [step, gradNorm, targetCosine]), [
    [10, 9, 0.5],
    [20, 19, 0.5],
    [25, 24, 0.5],
  ]);
  assert(lines.every(({ tau }) => tau! >= 0.95));
  // Only these steps take the time to measure.
  assertEquals(submissions.flatMap(({ health }, i) => health ? [i + 1] : []), [10, 20, 25]);
  const simclr = await run({ method: "simclr" });
  assert(simclr.lines.every(({ tau, targetCosine }) => tau === null && targetCosine === null));
});

Deno.test("Recorder completes a step at its last batch and takes its position", async () => {
  const given = { accumulate: 3, logEvery: 2 };
  const { lines, submissions, recorder } = await record({ steps: 4, total: 9, lossOf: (i) => i, given });
  assertEquals(submissions.map(({ step, part }) => [step, part]), [
    ...[0, 1, 2, 3].flatMap((step) => [0, 1, 2].map((part) => [step, part])),
  ]);
  assertEquals(submissions.flatMap(({ health }, i) => health ? [i] : []), [5, 11]);
  assertEquals(lines.map(({ step, loss }) => [step, loss]), [[2, 1], [4, 3]]);
  assertEquals([recorder.step, recorder.position, recorder.betweenSteps], [
    4,
    { epoch: 0, offset: 48 },
    true,
  ]);
  // 4 images in 10 ms, however many batches a step has.
  for (const { imagesPerSecond } of lines) assert(Math.abs(imagesPerSecond - 400) < 1e-6);
  recorder.submitted({ epoch: 0, next: { epoch: 0, offset: 52 } });
  assertEquals([recorder.step, recorder.position.offset, recorder.betweenSteps], [4, 48, false]);
});

const collapsing = (i: number) => i < 30 ? 0.08 : 0.002;

Deno.test("Recorder warns of a collapse once, with its evidence, and goes on", async () => {
  const { recorder, logged, lines } = await record({
    steps: 300,
    total: 300,
    lossOf: () => 0.01,
    zStdOf: collapsing,
  });
  assertEquals(recorder.collapse?.step, 80);
  assertEquals(logged.length, 1);
  assert(
    /^Warning: the run has collapsed: at step 80 z_std is 0\.0020, 2\.3 % of/.test(logged[0]),
    logged[0],
  );
  assertEquals(lines.length, 30);
});

Deno.test("Recorder saves and throws at a collapse with stopOnCollapse", async () => {
  await using out = await temporaryFolder();
  const given = { stopOnCollapse: true, out: out.path };
  const run = () => record({ steps: 300, total: 300, lossOf: () => 0.01, zStdOf: collapsing, given });
  const message =
    /^Training stopped at step 100: the run has collapsed: at step 80 z_std is .*--predictor with/;
  await assertThrows(run, CollapseError, message);
  assertEquals(exitCode(new CollapseError()), 3);
  const { metadata } = await loadCheckpoint(join(out.path, "checkpoints", "step-000100.safetensors"));
  assertEquals((metadata.health as { collapse: { step: number } }).collapse.step, 80);
});

Deno.test("Recorder writes how many steps were skipped, and ends a run of which no step is taken", async () => {
  const lines: StepRecord[] = [], logged: string[] = [];
  const taken = { steps: 60, total: 60, lossOf: () => 1, lines, logged };
  // Steps 4, 8, …, and from 49 skipped steps in a row to one that is not.
  await record({ ...taken, isSkipped: (i) => i % 4 === 3 });
  assertEquals(lines.map(({ skippedSteps, lossScale }) => [skippedSteps, lossScale]), [
    ...[[2, 1024], [3, 1024], [2, 1024], [3, 1024], [2, 1024], [3, 1024]],
  ]);
  assertEquals(logged, [
    "Step 4 was skipped: its gradients overflowed float16 at a loss scale of 1024. metrics.jsonl counts such steps " +
    "(skipped_steps).",
  ]);
  await record({ ...taken, lines: [], isSkipped: (i) => i !== 49 });
  await assertThrows(
    () => record({ ...taken, lines: [], isSkipped: (i) => i >= 5 }),
    UserError,
    /the gradients of 50 steps in a row, up to step 55, overflowed float16 at a loss scale of 1024.*Use --precision f32\.$/,
  );
  const given = { precision: "mixed", lossScale: 1024 } as const;
  await assertThrows(
    () => record({ ...taken, given, lines: [], isSkipped: (i) => i >= 5 }),
    UserError,
    /Use --loss-scale dynamic, or --precision f32\.$/,
  );
  await assertThrows(
    () => record({ ...taken, given, lines: [], lossOf: () => NaN }),
    UserError,
    /a longer --warmup, or continue with --resume --precision f32\.$/,
  );
  assertEquals((await record({ ...taken, lines: [] })).lines[0].skippedSteps, undefined);
});

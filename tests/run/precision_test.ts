/** Runs in mixed precision: interrupted, continued, and continued in the other precision. */
import { cp } from "node:fs/promises";
import { join } from "node:path";
import type { PretrainOptions } from "../../src/config/pretrain_options.ts";
import type { StepRecord } from "../../src/config/callbacks.ts";
import { loadCheckpoint } from "../../src/io/checkpoint.ts";
import { readMetrics } from "../../src/io/metrics.ts";
import { pretrain } from "../../src/run/pretrain.ts";
import { resume } from "../../src/run/resume.ts";
import { UserError } from "../../src/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";
import { checkpointOf, digestOf, inFolder, quiet, tiny } from "./tiny_runs.ts";

const { halfPrecision } = await sharedGpu();
const onHalfGpu = { ...onGpu, ignore: !halfPrecision };
const mixed = { ...tiny, precision: "mixed", steps: 8, evalEvery: 0, logEvery: 1 } as const;
/** The loss scale in the last checkpoint of a run, and its good and skipped steps. */
async function scaleOf(out: string, step: number): Promise<{ scale: number; good: number; skipped: number }> {
  const { data } = (await loadCheckpoint(checkpointOf(out, step))).tensors.get("loss_scale")!;
  const [scale, inverse, good, skipped, overflow] = data;
  assertEquals([scale * inverse, overflow], [1, 0]);
  return { scale, good, skipped };
}
const stepsOf = (out: string) => readMetrics<StepRecord>(join(out, "metrics.jsonl"));

/** Trains in the folder `out` until its first line of progress. */
async function stopEarly(out: string, given: PretrainOptions): Promise<number> {
  const stop = new AbortController(), log = (line: string) => line.startsWith("step ") && stop.abort();
  const { step } = await pretrain({ ...given, out, signal: stop.signal, log });
  assert(step >= 1 && step < given.steps!, `stopped after step ${step}`);
  return step;
}

Deno.test(
  "a run in mixed precision continues to identical files, with its loss scale",
  onHalfGpu,
  async () => {
    await inFolder(async (folder) => {
      const [whole, stopped] = ["whole", "stopped"].map((name) => join(folder, name));
      await pretrain({ ...mixed, out: whole, ...quiet });
      const step = await stopEarly(stopped, mixed);
      assertEquals(await scaleOf(stopped, step), { scale: 2 ** 16, good: step, skipped: 0 });
      await resume(stopped, quiet);
      assertEquals(await digestOf(checkpointOf(stopped, 8)), await digestOf(checkpointOf(whole, 8)));
      assertEquals(await scaleOf(whole, 8), { scale: 2 ** 16, good: 8, skipped: 0 });
      const lines = await stepsOf(whole);
      assertEquals(
        lines.map(({ lossScale, skippedSteps }) => [lossScale, skippedSteps]),
        Array(8).fill([2 ** 16, 0]),
      );
    });
  },
);

Deno.test(
  "a run continues in the other precision, with a word, from float32 weights",
  onHalfGpu,
  async () => {
    for (const [before, after] of [["f32", "mixed"], ["mixed", "f32"]] as const) {
      await inFolder(async (out) => {
        const said: string[] = [], step = await stopEarly(join(out, "run"), { ...mixed, precision: before });
        const run = join(out, "run"), { tensors } = await loadCheckpoint(checkpointOf(run, step));
        assertEquals(tensors.has("loss_scale"), before === "mixed");
        await resume(run, { precision: after, log: (line) => void said.push(line) });
        const word = `The checkpoint was written with --precision ${before}; the run goes on with ${after}`;
        assert(said.includes(word), said.join("\n"));
        const last = (await loadCheckpoint(checkpointOf(run, 8))).tensors;
        assertEquals(last.has("loss_scale"), after === "mixed");
        if (after === "mixed") assertEquals((await scaleOf(run, 8)).good, 8 - step);
        // Weights have more digits than float16.
        const { data } = last.get("online.backbone.conv1.weight")!;
        assert(
          data.some((value) => value !== Math.f16round(value)),
          "the weights of the checkpoint are float16",
        );
        const scales = (await stepsOf(run)).map(({ lossScale }) => lossScale !== undefined);
        assertEquals(scales, Array.from({ length: 8 }, (_, i) => (i < step ? before : after) === "mixed"));
      });
    }
  },
);

Deno.test(
  "a run continues with another loss scale that is given, and with its own otherwise",
  onHalfGpu,
  async () => {
    await inFolder(async (out) => {
      const step = await stopEarly(out, { ...mixed, lossScale: 2048 });
      await resume(out, { ...quiet, lossScale: 512 });
      assertEquals(await scaleOf(out, 8), { scale: 512, good: 8 - step, skipped: 0 });
      const scales = (await stepsOf(out)).map(({ lossScale }) => lossScale);
      assertEquals(scales, Array.from({ length: 8 }, (_, i) => i < step ? 2048 : 512));
    });
  },
);

Deno.test("a loss scale is refused where the run is in float32", async () => {
  await inFolder(async (out) => {
    const cause = /^Cannot use lossScale = 512 with precision = f32: only mixed precision scales the loss\./;
    await assertThrows(() => pretrain({ ...tiny, out, lossScale: 512, ...quiet }), UserError, cause);
    assertEquals(await Array.fromAsync(Deno.readDir(out)), []);
  });
});

Deno.test("a run that continues between two records counts the steps skipped before", onHalfGpu, async () => {
  await inFolder(async (folder) => {
    const [whole, continued] = ["whole", "continued"].map((name) => join(folder, name));
    const overflowing = { ...mixed, lossScale: 2 ** 24, logEvery: 10, checkpointEvery: 3 };
    await pretrain({ ...overflowing, out: whole, ...quiet });
    await cp(whole, continued, { recursive: true });
    for (const step of [6, 8]) await Deno.remove(checkpointOf(continued, step));
    await resume(continued, quiet);
    for (const out of [whole, continued]) {
      assertEquals((await stepsOf(out)).map(({ step, skippedSteps }) => [step, skippedSteps]), [[8, 8]]);
    }
    assertEquals(await digestOf(checkpointOf(continued, 8)), await digestOf(checkpointOf(whole, 8)));
  });
});

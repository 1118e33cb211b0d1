/** Runs that are to end while the images do not come, as from a server that is silent. */
import { join } from "node:path";
import type { ImageSource } from "../../data/sources/types.ts";
import type { PretrainOptions } from "../../src/config/pretrain_options.ts";
import { PATIENCE_MS, STALLED, unlessStalled } from "../../src/base/patience.ts";
import { pretrain } from "../../src/run/pretrain.ts";
import type { PretrainResult } from "../../src/run/result.ts";
import { resume } from "../../src/run/resume.ts";
import { assert, assertEquals } from "../assert.ts";
import { openIndexed, tar, tarEntry } from "../data/fixtures.ts";
import { serving } from "../data/server.ts";
import { onGpu } from "../gpu/shared.ts";
import {
  checkpointNames,
  checkpointOf,
  digestOf,
  evaluationLines,
  inFolder,
  quiet,
  tiny,
} from "./tiny_runs.ts";

const { holdout: _, limit: __, ...small } = {
  ...tiny,
  checkpointEvery: 1000,
  logEvery: 1,
} as const;

/** Trains, and aborts the run when `moment` resolves. The result is null if it goes on to wait. */
async function stopped(given: PretrainOptions, moment: Promise<void>): Promise<PretrainResult | null> {
  const stop = new AbortController();
  moment.then(() => stop.abort());
  const run = pretrain({ ...small, ...quiet, ...given, signal: stop.signal });
  const result = await unlessStalled(run, { signal: stop.signal, patienceMs: PATIENCE_MS + 20_000 });
  return result === STALLED ? null : result;
}

/** Callbacks of a run, and a moment that comes when there was no line and no step for five seconds. */
function silence() {
  const { promise: moment, resolve } = Promise.withResolvers<void>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(resolve, 5000);
  };
  return { moment, callbacks: { log: later, onStep: later } };
}

/** Calls `test` with the address of a shard of 1,100 images, of which a server sends all but the end and then is silent. */
async function silently(test: (data: string) => Promise<void>): Promise<void> {
  const source = await openIndexed("shapes:100"), entries: Uint8Array[] = [];
  for (let i = 0; i < 1100; i++) entries.push(tarEntry(`${i}.jpg`, (await source.read(i % 100)).bytes));
  // It sends parts as it should, and of the whole all but the blocks of zeros that end an archive.
  const archive = tar(entries), cut = archive.length - 1024, stall = Promise.withResolvers<void>();
  await serving({ "a.tar": archive }, { stall: stall.promise, cut }, async (base) => {
    try {
      await test(`${base}/a.tar`);
    } finally {
      stall.resolve();
    }
  });
}

Deno.test("pretrain() ends between steps while a server is silent, with a checkpoint", onGpu, async () => {
  await silently((data) =>
    inFolder(async (out) => {
      const { moment, callbacks: { onStep } } = silence(); // not before the first step: opening may take as long
      const result = await stopped({ data, steps: 100, out, onStep }, moment);
      // The first block has 1,000 images: 62 batches, of which the last ones may be on their way.
      assert(result && result.step >= 55 && result.step <= 62, `${result?.step}`);
      assertEquals(checkpointNames(out), [`step-0000${result.step}.safetensors`]);
    })
  );
});

Deno.test("pretrain() ends within a step of several batches while a server is silent", onGpu, async () => {
  await silently((data) =>
    inFolder(async (out) => {
      // The only step that would be complete needs 64 batches.
      const { moment, callbacks } = silence();
      const result = await stopped({ data, steps: 100, accumulate: 64, out, ...callbacks }, moment);
      assertEquals([result?.step, checkpointNames(out)], [0, []]);
    })
  );
});

/** 120 drawn images, of which the reading `hangs` never ends; the moment comes a second after such a reading begins. */
async function hanging(hangs: (reads: number, index: number) => boolean) {
  const shapes = await openIndexed("shapes:120"),
    { promise: moment, resolve } = Promise.withResolvers<void>();
  let reads = 0;
  const data: ImageSource = {
    kind: "indexed",
    name: "figures",
    classes: shapes.classes,
    fingerprint: "figures",
    length: 120,
    key: (index) => `figure ${index}`,
    label: (index) => shapes.label(index),
    read(index) {
      if (!hangs(++reads, index)) return shapes.read(index);
      setTimeout(resolve, 1000);
      return new Promise(() => {});
    },
    close() {},
    [Symbol.asyncIterator]: () => shapes[Symbol.asyncIterator](),
  };
  return { data, moment };
}

const moments: [what: string, hangs: (reads: number, index: number) => boolean, step: number][] = [
  ["draws the preview", () => true, 0],
  ["evaluates before the first step", (reads) => reads > 30, 0],
  // The preview reads 8 images, two evaluations 120 each, a third 20: this is in the first epoch.
  ["trains", (reads) => reads > 350, NaN],
];
for (const [what, hangs, step] of moments) {
  Deno.test(`pretrain() ends while it ${what} and an image does not come`, onGpu, async () => {
    await inFolder(async (folder) => {
      const out = join(folder, "run");
      const { data, moment } = await hanging(hangs);
      const result = await stopped({ data, limit: 100, holdout: 20, out }, moment);
      assert(result, "the run waited for the image");
      if (Number.isNaN(step)) assert(result.step >= 1 && result.step <= 10, `step ${result.step}`);
      else assertEquals(result.step, step);
    });
  });
}

Deno.test(
  "pretrain() leaves a step whose evaluation lacks images; resume() does it again",
  onGpu,
  async () => {
    await inFolder(async (folder) => {
      const given = { ...small, limit: 100, holdout: 20, evalEvery: 1, checkpointEvery: 5 };
      const [whole, out] = ["whole", "stopped"].map((name) => join(folder, name));
      const reads = new Uint32Array(120);
      const { data } = await hanging((_, index) => ++reads[index] < 0);
      await pretrain({ ...given, ...quiet, data, out: whole });
      // Evaluations alone read the held-out images: three times before training, after each epoch and at the end.
      const least = Math.min(...reads), isHeldOut = (index: number) => reads[index] === least;
      assertEquals(reads.filter((_, index) => isHeldOut(index)).length, 20);
      let heldOut = 0;
      const { data: stalling, moment } = await hanging((_, index) => isHeldOut(index) && ++heldOut > 70);
      const result = await stopped({ ...given, data: stalling, out }, moment);
      assertEquals([result?.step, result?.summary], [5, null]);
      await resume(out, { ...quiet, data });
      assertEquals(await evaluationLines(out), await evaluationLines(whole));
      assertEquals(await digestOf(checkpointOf(out)), await digestOf(checkpointOf(whole)));
    });
  },
);

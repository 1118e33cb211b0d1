/** The folders of runs: which one a new run gets, and which holds one. */
import { join } from "node:path";
import { UserError } from "../../src/base/errors.ts";
import type { PretrainOptions } from "../../src/config/pretrain_options.ts";
import { saveCheckpoint } from "../../src/io/checkpoint.ts";
import { holdsRun, newRun, writeConfig } from "../../src/run/folder.ts";
import { pretrain } from "../../src/run/pretrain.ts";
import { resume } from "../../src/run/resume.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { onGpu } from "../gpu/shared.ts";
import { namesIn } from "../io/temporary_folder.ts";
import { inFolder, quiet, tiny } from "./tiny_runs.ts";

const facts = { fingerprint: "images", totalSteps: 9 };

/** Calls `test` in a folder of its own, which is the current one meanwhile. */
async function within(test: () => Promise<void>): Promise<void> {
  const before = Deno.cwd();
  await inFolder(async (folder) => {
    Deno.chdir(folder);
    try {
      await test();
    } finally {
      Deno.chdir(before);
    }
  });
}

/** Starts a run that ends before its first step. */
async function begin(given: PretrainOptions) {
  const { run, lock } = await newRun(given);
  await writeConfig(run, facts);
  await lock[Symbol.asyncDispose]();
  return run;
}

Deno.test("newRun() gives each of several started at once a folder of its own", async () => {
  await within(async () => {
    const started = await Promise.all([0, 1, 2].map((seed) => newRun({ seed })));
    assertEquals(started.map(({ lock }) => lock.folder).sort(), [
      "runs/shapes-resnet8",
      "runs/shapes-resnet8-2",
      "runs/shapes-resnet8-3",
    ]);
    assertEquals(started.map(({ run, lock }) => run.options.out === lock.folder), [true, true, true]);
    await assertThrows(
      () => newRun({ out: "runs/shapes-resnet8-2" }),
      UserError,
      /^Cannot write to "runs\/shapes-resnet8-2": process \d+/,
    );
    for (const { lock } of started) await lock[Symbol.asyncDispose]();
    assertEquals(await namesIn("runs"), []);
  });
});

Deno.test("newRun() starts over a run that did no step, and leaves one that did", async () => {
  await within(async () => {
    const { options: { out } } = await begin({ size: 32 });
    for (const name of ["bad_images.jsonl", "kernels.json", "metrics.jsonl"]) {
      await Deno.writeTextFile(join(out, name), name === "metrics.jsonl" ? "" : "{}");
    }
    assertEquals((await begin({ size: 16 })).options.out, out);
    assertEquals(JSON.parse(await Deno.readTextFile(join(out, "config.json"))).size, 16);
    assertEquals(await namesIn(out), ["checkpoints", "config.json", "metrics.jsonl", "recipe.json"]);
    assertEquals((await begin({ size: 24, out })).options.size, 24);

    await saveCheckpoint(out, { step: 1, tensors: new Map(), metadata: {} }, { keep: 1 });
    assertEquals((await begin({})).options.out, `${out}-2`);
    await assertThrows(() => newRun({ out }), UserError, /holds one already.*--resume.*--out/);
  });
});

for (const name of ["metrics.jsonl", "evaluations.jsonl", "encoder.safetensors", "summary.json"]) {
  Deno.test(`holdsRun() sees a step in ${name}`, async () => {
    await inFolder(async (folder) => {
      await Deno.writeTextFile(join(folder, name), "");
      assertEquals(await holdsRun(folder), false);
      await Deno.writeTextFile(join(folder, name), "{}\n");
      assertEquals(await holdsRun(folder), true);
    });
  });
}

Deno.test("newRun() does not overwrite the config.json of something else", async () => {
  await inFolder(async (out) => {
    const path = join(out, "config.json");
    await Deno.writeTextFile(path, '{ "port": 80 }');
    await assertThrows(
      () => newRun({ out }),
      UserError,
      /its config\.json is not of a run\. Choose another --out/,
    );
    assertEquals(await Deno.readTextFile(path), '{ "port": 80 }');
  });
});

Deno.test("config.json has paths that are found from any folder", async () => {
  await within(async () => {
    const here = Deno.cwd(), data = ["photos", "shards/*.tar", "shapes:9", "http://h.test/a.tar"];
    const { options } = await begin({ data });
    const { data: recorded } = JSON.parse(await Deno.readTextFile(join(options.out, "config.json")));
    assertEquals(recorded, [
      join(here, "photos"),
      join(here, "shards/*.tar"),
      "shapes:9",
      "http://h.test/a.tar",
    ]);
  });
});

Deno.test("pretrain() and resume() hold their folder while they run", onGpu, async () => {
  await inFolder(async (folder) => {
    const out = join(folder, "run"), refusals: Promise<unknown>[] = [];
    const second = (act: () => Promise<unknown>) =>
      refusals.push(assertThrows(act, UserError, /^Cannot write to ".*run": process \d+/));
    const stop = new AbortController();
    await pretrain({
      ...tiny,
      ...quiet,
      out,
      signal: stop.signal,
      onStep() {
        if (refusals.length > 0) return;
        second(() => pretrain({ ...tiny, ...quiet, out }));
        second(() => resume(out, quiet));
        stop.abort();
      },
    });
    await resume(out, {
      ...quiet,
      onStep: () => refusals.length < 3 && second(() => resume(out, quiet)),
    });
    assertEquals(refusals.length, 3);
    await Promise.all(refusals);
    assertEquals((await namesIn(out)).includes("run.lock"), false);
  });
});

/** Which run `--resume` means without `--out`. */
import { join } from "node:path";
import { openSource } from "../../data/sources/open.ts";
import { UserError } from "../../src/base/errors.ts";
import type { PretrainOptions } from "../../src/config/pretrain_options.ts";
import { saveCheckpoint } from "../../src/io/checkpoint.ts";
import { lockFolder } from "../../src/io/folder_lock.ts";
import { findRun } from "../../src/run/find_run.ts";
import { newRun, writeConfig } from "../../src/run/folder.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { inFolder } from "./tiny_runs.ts";

/** Runs in folders of a current folder of their own, each written a second after the one before. */
async function withRuns(
  test: (begin: (given: PretrainOptions, step: number | "finished") => Promise<string>) => Promise<void>,
): Promise<void> {
  const before = Deno.cwd();
  let time = Date.now() - 1e6;
  await inFolder(async (folder) => {
    Deno.chdir(folder);
    try {
      await test(async (given, step) => {
        const source = await openSource(given.data as string ?? "shapes"), { fingerprint } = source;
        source.close();
        const { run, lock } = await newRun(given), { out } = run.options;
        await writeConfig(run, { fingerprint, totalSteps: 600 });
        const done = step === "finished" ? 600 : step;
        if (done) await saveCheckpoint(out, { step: done, tensors: new Map(), metadata: {} }, { keep: 1 });
        if (step === "finished") await Deno.writeTextFile(join(out, "summary.json"), "{}\n");
        await lock[Symbol.asyncDispose]();
        time += 1000;
        for (const name of ["config.json", "checkpoints"]) {
          await Deno.utime(join(out, name), new Date(time), new Date(time));
        }
        return out;
      });
    } finally {
      Deno.chdir(before);
    }
  });
}

Deno.test("findRun() finds the last unfinished run of these images", async () => {
  await withRuns(async (begin) => {
    const first = await begin({ data: "shapes:40" }, 30);
    await begin({ data: "shapes:40", seed: 1 }, "finished");
    // Another number of shapes by a name that the default folder of shapes:40 would have next.
    await begin({ data: "shapes:50", out: "runs/shapes-40-resnet8-3" }, 60);
    assertEquals(await findRun({ data: "shapes:40" }), first);
    const next = await begin({ data: "shapes:40", seed: 2 }, 0);
    assertEquals(await findRun({ data: "shapes:40" }), next);
    assertEquals(await findRun({ data: "shapes:50" }), "runs/shapes-40-resnet8-3");
    assertEquals(await findRun({ data: "shapes:40", out: "elsewhere" }), "elsewhere");
    assertEquals(await findRun({ preset: `${next}/config.json` }), next, "by its own options");
    await Deno.writeTextFile("mine.json", JSON.stringify({ out: "there" }));
    assertEquals(await findRun({ preset: "mine.json" }), join(Deno.cwd(), "there"));
  });
});

Deno.test("findRun() prefers a run with the options that are given, also by a preset, and one that nobody writes to", async () => {
  await withRuns(async (begin) => {
    const seeds = [
      await begin({ seed: 0, hidden: 64 }, 10),
      await begin({ seed: 1 }, 10),
      await begin({ seed: 2 }, 10),
    ];
    assertEquals(await findRun({}), seeds[2]);
    assertEquals(await findRun({ seed: 1 }), seeds[1]);
    await Deno.writeTextFile("mine.json", JSON.stringify({ hidden: 64 }));
    assertEquals(await findRun({ preset: "mine.json" }), seeds[0]);
    await using _ = await lockFolder(seeds[2]);
    assertEquals(await findRun({}), seeds[1]);
    assertEquals(await findRun({ seed: 2 }), seeds[2], "which resume() then refuses");
    assertEquals(await findRun({ seed: 9 }), seeds[2], "which resume() then refuses, naming the seed");
  });
});

Deno.test("findRun() names a finished run if there is no other", async () => {
  await withRuns(async (begin) => {
    await begin({ seed: 0 }, "finished");
    assertEquals(await findRun({ seed: 1 }), "runs/shapes-resnet8");
    const last = await begin({ seed: 1 }, "finished");
    assertEquals(await findRun({}), last);
  });
});

Deno.test("findRun() says which runs there are, and advises no changed data", async () => {
  await withRuns(async (begin) => {
    await assertThrows(() => findRun({}), UserError, /there is none in "runs"\. Leave out --resume/);
    await Deno.mkdir("runs/other", { recursive: true });
    await begin({ data: "shapes:40" }, 30);
    await begin({ data: "shapes:50" }, "finished");
    const error = await findRun({ data: "shapes:60" }).catch((error) => error);
    assert(error instanceof UserError, `${error}`);
    assert(
      error.message.startsWith(
        'Cannot resume a run on shapes: none in "runs" is on these images. There are ' +
          "runs/shapes-50-resnet8 (finished, on shapes:50), runs/shapes-40-resnet8 (step 30 of 600, on shapes:40).",
      ),
      error.message,
    );
    assert(/--out DIR/.test(error.message) && !/changed/.test(error.message), error.message);
  });
});

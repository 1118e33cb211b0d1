/** Runs that are interrupted or killed, and continued: their files are those of an uninterrupted run. */
import { join } from "node:path";
import { UserError } from "../../src/base/errors.ts";
import type { PretrainOptions } from "../../src/config/pretrain_options.ts";
import { loadCheckpoint } from "../../src/io/checkpoint.ts";
import type { StepRecord } from "../../src/config/callbacks.ts";
import { readMetrics } from "../../src/io/metrics.ts";
import { readSafetensors } from "../../src/io/safetensors.ts";
import { readPageData } from "../../src/report/page_data.ts";
import { RunFiles } from "../../src/report/run_files.ts";
import { pretrain } from "../../src/run/pretrain.ts";
import { resume } from "../../src/run/resume.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { openIndexed } from "../data/fixtures.ts";
import { onGpu } from "../gpu/shared.ts";
import { eventsIn, linesOf, scalarsIn } from "../report/run_events.ts";
import { checkpointOf, digestOf, evaluationLines, inFolder, quiet, tiny } from "./tiny_runs.ts";
import { argumentsOf, kill, records, trainWith } from "./whole_runs.ts";

/** With kernels that are timed, which a resumed run must find again. */
const timed = { ...tiny, kernels: "auto" } as const;

/** Waits for a file. */
async function appearance(path: string): Promise<void> {
  for (let i = 0; i < 2400; i++) {
    if (await Deno.stat(path).then(() => true, () => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${path} did not appear within two minutes`);
}

/** Options that abort the run at its first line of progress. */
function stoppingEarly() {
  const stop = new AbortController();
  return { signal: stop.signal, log: (line: string) => line.startsWith("step ") && stop.abort() };
}

Deno.test(
  "train.ts --resume continues a killed run and an interrupted one to identical files",
  onGpu,
  async () => {
    await inFolder(async (folder) => {
      const [uninterrupted, killed, stopped] = ["uninterrupted", "killed", "stopped"].map((name) =>
        join(folder, name)
      );
      const start = (out: string, more: string[] = []) =>
        trainWith({ args: [...argumentsOf({ ...timed, evalEvery: 1, out }), ...more] });
      await pretrain({ ...timed, evalEvery: 1, out: uninterrupted, ...quiet });

      const first = start(killed, ["--tensorboard"]);
      await appearance(checkpointOf(killed, 5));
      kill(first, "SIGKILL");
      await first.output();
      const second = await start(killed, ["--resume"]).output();
      assert(second.success, new TextDecoder().decode(second.stderr));
      const said = new TextDecoder().decode(second.stdout);
      const lastLine = /^kNN: raw pixels [\d.]+ %, untrained [\d.]+ %, trained [\d.]+ %\n$/m;
      assert(lastLine.test(said) || /is complete/.test(said), said);

      const third = start(stopped);
      await appearance(checkpointOf(stopped, 5));
      kill(third, "SIGINT");
      const { code, stdout } = await third.output();
      if (code !== 0) { // a fast machine is done before the signal comes
        assertEquals(code, 130);
        assert(/--resume --out/.test(new TextDecoder().decode(stdout)));
        const resumed = await trainWith({ args: ["--resume", "--out", stopped] }).output();
        assert(resumed.success, new TextDecoder().decode(resumed.stderr));
      }
      for (const out of [killed, stopped]) {
        assertEquals(await digestOf(checkpointOf(out)), await digestOf(checkpointOf(uninterrupted)));
        assertEquals(await records(out), await records(uninterrupted));
        assertEquals(await evaluationLines(out), await evaluationLines(uninterrupted));
        for (const name of ["initial.json", "latest.json", "images.json", "images.jpg", "views.jpg"]) {
          const [mine, theirs] = [out, uninterrupted].map((folder) => join(folder, "report", name));
          assertEquals(await digestOf(mine), await digestOf(theirs), name);
        }
        const { state, evaluation } = await readPageData(new RunFiles(out));
        assertEquals([state?.state, state?.step, evaluation?.step], ["done", 14, 14]);
        assert((await Deno.readTextFile(join(out, "report.html"))).includes('"state":"done"'));
        const { length } = (await Deno.readTextFile(join(out, "metrics.csv"))).split("\n");
        assertEquals(length, 1 + (await records(out)).length + 1);
      }
      await expectComplete(killed);
      await expectEvents(killed);
    });
  },
);

/** Checks that TensorBoard finds the lines of the tiny run in `out`, each once, and its pictures. */
async function expectEvents(out: string): Promise<void> {
  assertEquals(await scalarsIn(out), await linesOf(out));
  const pictures = (await eventsIn(out)).flatMap(({ step, values }) =>
    values.flatMap(({ tag, image }) => image ? [`${tag} ${step}`] : [])
  );
  const strips = [0, 6, 12, 14].map((step) => `eval/neighbors ${step}`);
  assertEquals(pictures.sort(), [...strips, "views/sheet 0"].sort());
}

/** Checks the evaluations, the last checkpoint and the encoder of the tiny run in `out`. */
async function expectComplete(out: string): Promise<void> {
  const evaluated = (await evaluationLines(out)).map((line) => JSON.parse(line));
  // Six steps per epoch: after two epochs, and at the end.
  assertEquals(evaluated.map(({ step, epoch }) => [step, epoch]), [[6, 1], [12, 2], [14, 2]]);
  for (const { knn, probe, rankme, rankme_projections, z_std, neighbor_stability } of evaluated) {
    assert([knn, probe].every((share) => share >= 0 && share <= 1), `kNN ${knn}, probe ${probe}`);
    assert(rankme > 1 && rankme <= 20 && rankme_projections > 1 && rankme_projections <= 8);
    // Of 19 others 10 are neighbors: about half by chance.
    assert(z_std > 0 && z_std <= 0.36 && neighbor_stability > 0.2 && neighbor_stability <= 1);
  }
  const { metadata, tensors } = await loadCheckpoint(checkpointOf(out));
  assertEquals(metadata.position, { epoch: 2, offset: 32 });
  assert(
    tensors.has("target.backbone.layer3.0.bn2.running_var") && tensors.has("momentum.predictor.3.weight"),
  );
  const encoder = await readSafetensors(join(out, "encoder.safetensors"));
  assertEquals(encoder.tensors.get("conv1.weight")?.shape, [16, 3, 3, 3]);
  assert([...encoder.tensors.keys()].every((name) => !name.includes("projector")));
}

const members: Record<string, PretrainOptions> = {
  simclr: { method: "simclr", kernels: "auto" },
  "a fixed target": { target: "fixed", negatives: 0.5, targetInit: "independent" },
};
for (const [name, member] of Object.entries(members)) {
  Deno.test(`resume() continues ${name} between steps of several batches`, onGpu, async () => {
    await inFolder(async (folder) => {
      const given = { ...tiny, ...member, holdout: 0, batch: 8, accumulate: 3, steps: 5, logEvery: 1 };
      const [uninterrupted, stopped] = ["uninterrupted", "stopped"].map((name) => join(folder, name));
      await pretrain({ ...given, out: uninterrupted, ...quiet });
      const { step, summary } = await pretrain({ ...given, out: stopped, ...stoppingEarly() });
      assert(step >= 1 && step < 5 && summary === null, `stopped after step ${step}`);
      const { metadata } = await loadCheckpoint(checkpointOf(stopped, step));
      assertEquals(metadata.position, { epoch: Math.floor(step / 4), offset: 24 * step % 96 });
      await resume(stopped, quiet);
      assertEquals(await digestOf(checkpointOf(stopped, 5)), await digestOf(checkpointOf(uninterrupted, 5)));
      assertEquals(await records(stopped), await records(uninterrupted));
      const { tensors } = await loadCheckpoint(checkpointOf(stopped, 5));
      const names = [...tensors.keys()];
      assertEquals(names.some((name) => name.startsWith("target.")), member.target === "fixed");
      assertEquals(names.some((name) => name.includes("predictor")), member.target === "fixed");
    });
  });
}

Deno.test("resume() evaluates only after complete steps, as an uninterrupted run does", onGpu, async () => {
  await inFolder(async (folder) => {
    // An epoch has 12 batches: the first ends within the third step of five, the second within the fifth.
    const given = { ...tiny, batch: 8, accumulate: 5, steps: 6, evalEvery: 1, logEvery: 1 };
    const [uninterrupted, stopped] = ["uninterrupted", "stopped"].map((name) => join(folder, name));
    await pretrain({ ...given, out: uninterrupted, ...quiet });
    await pretrain({ ...given, out: stopped, ...stoppingEarly() });
    await resume(stopped, quiet);
    const lines = await evaluationLines(uninterrupted);
    assertEquals(lines.map((line) => JSON.parse(line)).map(({ step, epoch }) => [step, epoch]), [
      [3, 1],
      [5, 2],
      [6, 2],
    ]);
    assertEquals(await evaluationLines(stopped), lines);
  });
});

Deno.test("resume() returns the summary of a finished run and leaves its files", onGpu, async () => {
  await inFolder(async (folder) => {
    const source = await openIndexed("shapes:40"), data = join(folder, "images"), out = join(folder, "run");
    for (const name of ["a", "b"]) await Deno.mkdir(join(data, name), { recursive: true });
    for await (const { index, bytes } of source) {
      await Deno.writeFile(join(data, index < 30 ? "" : index % 2 ? "a" : "b", `${index}.jpg`), bytes);
    }
    const { summary } = await pretrain({ ...tiny, data, limit: 20, holdout: 1, steps: 2, out, ...quiet });
    // The held-out image has no label.
    assert(summary && (summary.knn === null || summary.knn.trained <= 1));
    const text = await Deno.readTextFile(join(out, "summary.json"));
    assertEquals((await resume(out, quiet)).summary, summary);
    assertEquals(await Deno.readTextFile(join(out, "summary.json")), text);
  });
});

Deno.test(
  "resume() with changed data keeps the steps, the learning rate and τ of the start",
  onGpu,
  async () => {
    await inFolder(async (folder) => {
      const source = await openIndexed("shapes:100"),
        data = join(folder, "images"),
        out = join(folder, "run");
      const add = async (from: number, to: number) => {
        for (let i = from; i < to; i++) {
          await Deno.writeFile(join(data, `${i}.jpg`), (await source.read(i)).bytes);
        }
      };
      await Deno.mkdir(data);
      await add(0, 64);
      const { limit: _, steps: __, ...options } = tiny;
      const given = { ...options, data, holdout: 0, epochs: 3, logEvery: 1 };
      const whole = join(folder, "whole");
      await pretrain({ ...given, out: whole, ...quiet }); // 3 epochs of 4 batches
      const stop = new AbortController();
      const { step, total } = await pretrain({
        ...given,
        out,
        ...quiet,
        signal: stop.signal,
        onStep: ({ step }) => step === 2 && stop.abort(),
      });
      assertEquals(total, 12);
      assert(step >= 2 && step < 12, `stopped after step ${step}`);
      await add(64, 100); // six batches now
      await assertThrows(
        () => resume(out, quiet),
        UserError,
        /have changed since it began.*--allow-changed-data/,
      );
      const resumed = await resume(out, { ...quiet, allowChangedData: true });
      assertEquals([resumed.step, resumed.total], [12, 12]);
      const course = async (run: string) =>
        (await readMetrics<StepRecord>(join(run, "metrics.jsonl"))).map(({ step, lr, tau }) => ({
          step,
          lr,
          tau,
        }));
      assertEquals(await course(out), await course(whole));
    });
  },
);

Deno.test("resume() compares the content of a preset with the run", onGpu, async () => {
  await inFolder(async (folder) => {
    const out = join(folder, "run"), preset = join(folder, "mine.json");
    const write = (options: PretrainOptions) => Deno.writeTextFile(preset, JSON.stringify(options));
    const { steps: _, hidden: __, ...given } = { ...tiny, holdout: 0 };
    await write({ hidden: 16, steps: 2 });
    await pretrain({ ...given, preset, out, ...quiet });
    assert((await resume(out, { preset, ...quiet })).summary);
    assert((await resume(out, { preset: join(out, "config.json"), ...quiet })).summary);
    await write({ hidden: 20, steps: 2 });
    await assertThrows(() => resume(out, { preset, ...quiet }), UserError, /hidden = 20: it began with 16/);
    await write({ epochs: 3 });
    await assertThrows(() => resume(out, { preset, ...quiet }), UserError, /epochs = 3: it began with null/);
    await write({ logEvery: 1, out: join(folder, "elsewhere") });
    assert((await resume(out, { preset, ...quiet })).summary);
  });
});

Deno.test("resume() of a run without a step says how to start it over", onGpu, async () => {
  await inFolder(async (folder) => {
    const run = join(folder, "run"), data = join(folder, "images"), source = await openIndexed("shapes:24");
    await Deno.mkdir(data);
    for await (const { index, bytes } of source) {
      await Deno.writeFile(join(data, `${index}.jpg`), index === 7 ? bytes.subarray(0, 300) : bytes);
    }
    const given = { ...tiny, data, limit: 24, holdout: 0, ...quiet };
    await assertThrows(
      () => pretrain({ ...given, out: run, maxBad: 0 }),
      UserError,
      /at most 0 are allowed/,
    );
    await assertThrows(
      () => resume(run, { size: 24, ...quiet }),
      UserError,
      /size = 24: it began with 8.*It has done no step: leave out --resume to start it over/,
    );
    assert((await pretrain({ ...given, steps: 1, size: 24, out: run })).summary);
  });
});

Deno.test("resume() refuses folders, options and files that do not belong together", onGpu, async () => {
  await inFolder(async (folder) => {
    const out = join(folder, "run");
    const short = { ...tiny, holdout: 0, steps: 2, out, ...quiet };
    await pretrain(short);
    await assertThrows(() => pretrain(short), UserError, /holds one already.*--resume/);
    await assertThrows(
      () => resume(out, { ...quiet, hidden: 32 }),
      UserError,
      /hidden = 32: it began with 16/,
    );
    await assertThrows(() => resume(folder, quiet), UserError, /config\.json/);

    const path = checkpointOf(out, 2);
    const config = join(out, "config.json"), kept = await Deno.readTextFile(config);
    await Deno.writeTextFile(config, kept.replace(/"hidden":\s*16/, '"hidden": 20'));
    await assertThrows(() => resume(out, quiet), UserError, /to another run.*hidden 16 instead of 20/);
    await Deno.remove(config);
    await assertThrows(() => pretrain(short), UserError, /holds one already/);
    await Deno.remove(join(out, "metrics.jsonl"));
    await assertThrows(() => pretrain(short), UserError, /holds one already/);
    await Deno.writeTextFile(config, "null");
    await assertThrows(() => resume(out, quiet), UserError, /config\.json cannot be used: it lacks data, /);
    await Deno.writeTextFile(config, kept);
    await Deno.truncate(path, 1000);
    await assertThrows(() => resume(out, quiet), UserError, /step-000002\.safetensors/);
  });
});

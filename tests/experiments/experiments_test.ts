/** Whole grids, with fake training and evaluation. */
import { join } from "node:path";
import type { ExperimentArguments } from "../../src/experiments/arguments.ts";
import type { evaluate } from "../../src/eval/protocol.ts";
import type { DataReport } from "../../src/eval/data_report.ts";
import type { EvaluateOptions } from "../../src/eval/types.ts";
import { runExperiments } from "../../src/experiments/experiments.ts";
import type { Experiment } from "../../src/experiments/experiment.ts";
import type { PretrainOptions, ResumeOptions } from "../../src/config/pretrain_options.ts";
import { scales } from "../../src/experiments/definitions/scales.ts";
import { UserError } from "../../src/base/errors.ts";
import { drawEvaluation } from "../../src/eval/draw_evaluation.ts";
import { openIndexed } from "../data/fixtures.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { temporaryFolder } from "../io/temporary_folder.ts";

/** Two experiments that share their first row. */
const experiments: Experiment[] = ["first", "second"].map((name) => ({
  name,
  title: `The ${name}`,
  varies: "rows",
  about: "",
  source: "table 0",
  rows: () => [
    { name: "base", baseline: true, paper: 72.5 },
    { name: "other", options: name === "first" ? { tau: 1 } : { predictor: false } },
  ],
}));
const set = { experiments, scales };

const asked = (out: string, fields: Partial<ExperimentArguments> = {}): ExperimentArguments => ({
  names: ["first", "second"],
  scale: "quick",
  reportOnly: false,
  seeds: 2,
  out,
  ...fields,
});

/** Fake training and evaluation that record how they are called. Runs of τ = 1 are interrupted `interruptions` times. */
function fakes({ interruptions = 0 } = {}) {
  const trained: { out: string; tau?: number; seed: number; resume: boolean }[] = [];
  const evaluated: { run: string; baselines: boolean; map: boolean }[] = [];
  const interrupt = new AbortController();
  const train = async (given: PretrainOptions, isResumed: boolean) => {
    const { out, tau, seed, recipe } = given;
    trained.push({ out: out!, tau, seed: seed!, resume: isResumed });
    assertEquals(JSON.parse(await Deno.readTextFile(`${recipe}`)).name, scales.quick.recipe.name);
    await Deno.mkdir(join(out!, "checkpoints"), { recursive: true });
    await Deno.writeTextFile(join(out!, "config.json"), "{}");
    const line = (step: number, z_std: number) => `${JSON.stringify({ step, z_std })}\n`;
    await Deno.writeTextFile(
      join(out!, "metrics.jsonl"),
      line(1, .5) + line(2, .5 / Math.sqrt(scales.quick.options.projection!)),
    );
    if (tau === 1 && interruptions-- > 0) {
      interrupt.abort();
      return { out: out!, step: 1, total: 2, collapse: null, summary: null };
    }
    const collapse = given.predictor === false ? { step: 2, evidence: "z_std is .0625" } : null;
    const data = { data: {} as DataReport, read: null, unused: { bad: 0, leftOut: 0 } };
    const summary = { knn: null, finalLoss: .25, seconds: 1, imagesPerSecond: 1, collapse, ...data };
    return { out: out!, step: 2, total: 2, collapse, summary };
  };
  const evaluation = (given: EvaluateOptions) => {
    const { run, out, baselines = true } = given, map = given.draw === drawEvaluation;
    evaluated.push({ run: run!, baselines, map });
    if (map) {
      assert(out !== undefined && out !== run, "the map's evaluation replaces the run's");
      Deno.mkdirSync(out!, { recursive: true });
      for (const name of ["pca", "umap", "pca_untrained", "umap_untrained"]) {
        Deno.writeTextFileSync(join(out!, `map_${name}.svg`), `<svg>${name}</svg>`);
      }
    }
    const row = (name: string, top1: number) => ({
      name,
      knn: { "20": .5, "200": .4 },
      linear: { top1, top5: null, lr: 1 },
      rankme: 8,
    });
    const rows = [row("untrained", .45), row("trained", .65)].slice(baselines ? 0 : 1);
    return Promise.resolve({ rows, settings: { adapter: "a fake", protocol: 2 } });
  };
  return {
    trained,
    evaluated,
    hooks: {
      pretrain: (given: PretrainOptions = {}) => train(given, false),
      resume: (out: string, given: ResumeOptions = {}) => train({ ...given, out }, true),
      evaluate: evaluation as unknown as typeof evaluate,
      signal: interrupt.signal,
    },
  };
}

Deno.test("runExperiments() trains shared rows once, skips rows with results, and reports all of them", async () => {
  await using folder = await temporaryFolder();
  const out = join(folder.path, "results"), runs = join(folder.path, "runs"), lines: string[] = [];
  const { trained, evaluated, hooks } = fakes();
  const options = { ...hooks, runs, log: (line: string) => lines.push(line), command: "./run experiments" };
  const first = await runExperiments(asked(out), set, options);
  assertEquals([first.done, first.failed, first.skipped, first.interrupted], [6, 0, 0, false]);
  assertEquals(trained.map(({ tau, seed }) => [tau, seed]), [
    [.95, 0],
    [.95, 1],
    [1, 0],
    [1, 1],
    [.95, 0],
    [.95, 1],
  ]);
  assertEquals(new Set(trained.map(({ out }) => out)).size, 6);
  assertEquals(evaluated.map(({ baselines, map }) => map ? "map" : baselines), [
    ...[true, true, false, false, false, false],
    "map",
  ]);
  for (const { out } of trained) {
    assert(!(await Array.fromAsync(Deno.readDir(out), ({ name }) => name)).includes("checkpoints"), out);
  }
  const mapped = trained[0].out.slice(-12);
  assertEquals(
    await Deno.readTextFile(join(out, "maps", mapped, "map_umap.svg")),
    "<svg>umap</svg>",
  );
  const again = await runExperiments(asked(out, { names: ["second"] }), set, options);
  assertEquals([again.done, again.skipped, trained.length, evaluated.length], [0, 4, 6, 7]);

  const html = await Deno.readTextFile(first.report);
  for (
    const part of [
      "The first",
      "The second",
      "65.0 ± 0.0",
      "2 of 2",
      "z_std is .0625",
      "a fake",
      "Evaluated by version 2 of the protocol.",
      "<td>0.50 ± 0.00</td>",
    ]
  ) {
    assert(html.includes(part), `${part} is missing`);
  }
  await Deno.remove(first.report);
  await Deno.writeTextFile(join(out, "findings.md"), "## first\n\nAs it should be.\n");
  const { report } = await runExperiments(asked(out, { reportOnly: true }), set, options);
  const later = await Deno.readTextFile(report);
  assertEquals(
    later,
    html.replace('<p class="command">', '<p class="finding">As it should be.</p>\n\n<p class="command">')
      .replace(/<\/p>\n\n\n<p class="finding">/, '</p>\n<p class="finding">'),
  );
  assertEquals(trained.length, 6);
});

Deno.test("runExperiments() resumes the interrupted run, and adds up its time", async () => {
  await using folder = await temporaryFolder();
  const out = join(folder.path, "results"), runs = join(folder.path, "runs");
  const first = fakes({ interruptions: 1 }), log = () => {}, command = "";
  const outcome = await runExperiments(asked(out), set, { ...first.hooks, runs, log, command });
  assertEquals([outcome.done, outcome.interrupted, first.trained.length], [2, true, 3]);
  const left = first.trained[2].out;
  const spent = `${left}.seconds.json`;
  assert(Number(await Deno.readTextFile(spent)) > 0, "the time so far is lost");
  await Deno.writeTextFile(spent, "1000");
  const second = fakes();
  const { done, skipped, interrupted } = await runExperiments(asked(out), set, {
    ...second.hooks,
    runs,
    log,
    command,
  });
  assertEquals([done, skipped, interrupted], [4, 2, false]);
  assertEquals(second.trained.map(({ resume }) => resume), [true, false, false, false]);
  assertEquals(second.trained[0].out, left);
  const taken = JSON.parse(await Deno.readTextFile(join(out, "runs", `${left.slice(-12)}.json`))).seconds;
  assert(taken > 1000 && taken < 1100, `the time of both parts: ${taken} s`);
  assertEquals(await Deno.stat(spent).catch(() => null), null, "its time would count again");
});

/** A folder of a few images without classes. */
async function pictures(folder: string): Promise<string> {
  const source = await openIndexed("shapes:4");
  await Deno.mkdir(folder);
  for (let i = 0; i < 4; i++) await Deno.writeFile(join(folder, `${i}.jpg`), (await source.read(i)).bytes);
  return folder;
}

Deno.test("runExperiments() refuses missing or unlabeled data, no held-out images, and an empty report", async () => {
  await using folder = await temporaryFolder();
  const options = { log: () => {}, command: "" };
  const without = asked(folder.path, { scale: "cifar" });
  await assertThrows(
    () => runExperiments(without, set, options),
    UserError,
    /scale "cifar" without images: .*--data/,
  );
  const unlabeled = asked(folder.path, { data: await pictures(join(folder.path, "unlabeled")) });
  await assertThrows(
    () => runExperiments(unlabeled, set, options),
    UserError,
    /at least two classes, found none\. Name labeled/,
  );
  const all = asked(folder.path, { holdout: 0 });
  await assertThrows(
    () => runExperiments(all, set, options),
    UserError,
    /no images are held out for evaluation\. Give --holdout N/,
  );
  const empty = asked(folder.path, { reportOnly: true });
  await assertThrows(() => runExperiments(empty, set, options), UserError, /it holds no results/);
});

Deno.test("runExperiments() writes the report even if the base run or its map fails", async () => {
  for (const broken of ["run", "map"]) {
    await using folder = await temporaryFolder();
    const { hooks } = fakes(), lines: string[] = [];
    const fail = () => Promise.reject(new Error("the fake fails"));
    const options = {
      ...hooks,
      ...(broken === "run" && {
        pretrain: (given?: PretrainOptions) => given?.tau === .95 ? fail() : hooks.pretrain(given),
      }),
      ...(broken === "map" && {
        evaluate: ((given) =>
          given.draw === drawEvaluation ? fail() : hooks.evaluate(given)) as typeof evaluate,
      }),
      runs: join(folder.path, "runs"),
      log: (line: string) => lines.push(line),
      command: "./run experiments",
    };
    const { report, failed } = await runExperiments(asked(join(folder.path, "results")), set, options);
    assertEquals(failed > 0, broken === "run");
    assert((await Deno.readTextFile(report)).includes("The second"), "no report");
    assertEquals(lines.includes("No maps: the fake fails"), broken === "map");
  }
});

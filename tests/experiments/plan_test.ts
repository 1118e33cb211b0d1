/** Plans, identities, statistics, the runner. */
import { join } from "node:path";
import { experiments } from "../../src/experiments/definitions/all.ts";
import { scales } from "../../src/experiments/definitions/scales.ts";
import { openSource } from "../../data/sources/open.ts";
import { identityOf } from "../../src/experiments/experiment_run.ts";
import { type Configuration, planExperiment } from "../../src/experiments/plan.ts";
import { ResultStore, type RunResult } from "../../src/experiments/results.ts";
import { duration, type Job, runJobs } from "../../src/experiments/runner.ts";
import { estimate } from "../../src/experiments/statistics.ts";
import { assert, assertClose, assertEquals } from "../assert.ts";
import { temporaryFolder } from "../io/temporary_folder.ts";
import { resultOf } from "./results.ts";

const quick = scales.quick;
const fingerprint = "a set of images";
const planned = (name: string, overrides = {}) =>
  planExperiment(experiments.find((one) => one.name === name)!, { scale: quick, overrides });
const configurationOf = (name: string, row: string, seed = 0): Configuration =>
  planned(name).rows.find((one) => one.row.name === row)!.configurations[seed];
const id = (configuration: Configuration, of = fingerprint, version?: number) =>
  identityOf(configuration, { fingerprint: of, version });

Deno.test("identityOf() is the same for equal configurations of several experiments", async () => {
  const base = await id(configurationOf("fixed-target", "moving average"));
  assert(/^[0-9a-f]{12}$/.test(base), base);
  const same = [
    configurationOf("tau", `τ = ${quick.options.tau}`),
    configurationOf("predictor", "predictor and target"),
    configurationOf("augmentations", "all"),
    configurationOf("batch", String(quick.batches.total)),
    configurationOf("projection", String(quick.options.projection)),
    configurationOf("negatives", "BYOL, β = 0"),
    configurationOf("fixed-target", "untrained"),
  ];
  for (const configuration of same) {
    const { given } = configuration;
    assertEquals(await id(configuration), base, JSON.stringify(given));
  }
});

Deno.test("identityOf() depends on options, recipe, baselines and images, not on folders and workers", async () => {
  const configuration = configurationOf("fixed-target", "moving average");
  const { given, recipe } = configuration, base = await id(configuration);
  const others = [
    id(configurationOf("fixed-target", "moving average", 1)),
    id(configurationOf("fixed-target", "fixed target (τ = 1)")),
    id({ ...configuration, given: { ...given, lr: given.lr! * 1.01 } }),
    id({ ...configuration, recipe: { ...recipe, views: [recipe.views[0], recipe.views[0]] } }),
    id({ ...configuration, baselines: false }),
    id(configuration, "other images"),
    id(configuration, fingerprint, 1), // another protocol
  ];
  const all = await Promise.all(others);
  assertEquals(new Set([base, ...all]).size, 1 + others.length);
  const elsewhere = { ...given, out: "elsewhere", workers: 1, logEvery: 3, checkpointEvery: 7 };
  assertEquals(await id({ ...configuration, given: elsewhere }), base);
  const reversed = Object.fromEntries(Object.entries(given).reverse());
  assertEquals(await id({ ...configuration, given: reversed }), base);
  assertEquals(await id({ ...configuration, recipe: { ...recipe, name: "renamed" } }), base);
});

Deno.test("identityOf() is that of the results that were kept", async () => {
  const kept = JSON.parse(
    await Deno.readTextFile(new URL("../../docs/results/quick/index.json", import.meta.url)),
  );
  const source = await openSource(quick.options.data ?? "shapes");
  const ids = await Promise.all(
    ["moving average", "fixed target (τ = 1)"].map((name) =>
      id(configurationOf("fixed-target", name), source.fingerprint, 1)
    ),
  );
  const rows: { name: string; ids: string[] }[] = kept.experiments["fixed-target"].rows;
  const found = ["moving average", "fixed target (τ = 1)"].map((name) =>
    rows.find((row) => row.name === name)!.ids[0]
  );
  assertEquals(ids, found);
});

Deno.test("planExperiment() applies overrides to every row", () => {
  const { rows } = planned("tau", { data: "elsewhere", limit: 7, holdout: 3, epochs: 2, seeds: 4 });
  for (const { configurations } of rows) {
    assertEquals(configurations.length, 4);
    for (const { given: { data, limit, holdout, epochs, steps } } of configurations) {
      assertEquals([data, limit, holdout, epochs, steps ?? null], ["elsewhere", 7, 3, 2, null]);
    }
  }
});

Deno.test("estimate() returns the mean and the sample standard deviation", () => {
  assertEquals(estimate([]), null);
  assertEquals(estimate([3]), { mean: 3, sd: null, n: 1 });
  const { mean, sd, n } = estimate([2, 4, 9])!;
  assertClose("mean and deviation", [mean, sd!, n], [5, Math.sqrt(13), 3], { relative: 1e-12 });
});

Deno.test("duration() formats seconds, minutes and hours", () => {
  assertEquals([duration(3.4), duration(59.4), duration(60), duration(3599), duration(3725)], [
    "3 s",
    "59 s",
    "1 min",
    "1 h 0 min",
    "1 h 2 min",
  ]);
});

const job = (id: string): Job => ({
  id,
  label: `job ${id}`,
  configuration: configurationOf("fixed-target", "moving average"),
});

Deno.test("runJobs() does each job once, and tries failures again", async () => {
  await using folder = await temporaryFolder();
  const store = new ResultStore(folder.path), calls: string[] = [], lines: string[] = [];
  await store.prepare();
  let broken = true;
  const run = ({ id }: Job): Promise<RunResult> => {
    calls.push(id);
    if (id === "b" && broken) return Promise.reject(new Error("the GPU was lost"));
    return Promise.resolve(resultOf(id, { seconds: 90 }));
  };
  const options = { store, run, log: (line: string) => lines.push(line) };
  const jobs = ["a", "b", "a", "c"].map(job);
  assertEquals(await runJobs(jobs, options), { skipped: 0, done: 2, failed: 1, interrupted: false });
  assertEquals(calls, ["a", "b", "c"]);
  assertEquals((await store.read("b") as { failure: string }).failure, "the GPU was lost");
  assert(
    lines.includes("Run 1 of 3: job a") && lines.includes("Run 3 of 3, about 2 min left: job c"),
    lines.join("\n"),
  );
  broken = false;
  assertEquals(await runJobs([...jobs, job("d")], options), {
    skipped: 2,
    done: 2,
    failed: 0,
    interrupted: false,
  });
  assertEquals(calls.slice(3), ["b", "d"]);
  assertEquals(await store.read("b"), resultOf("b", { seconds: 90 }));
  assertEquals((await Array.fromAsync(Deno.readDir(join(folder.path, "runs")))).length, 4);
});

Deno.test("runJobs() ends at an interruption without a result for the current job", async () => {
  await using folder = await temporaryFolder();
  const store = new ResultStore(folder.path), interrupt = new AbortController();
  await store.prepare();
  const run = ({ id }: Job) => {
    if (id === "b") interrupt.abort();
    return Promise.resolve(id === "b" ? null : resultOf(id));
  };
  const outcome = await runJobs(["a", "b", "c"].map(job), {
    store,
    run,
    log: () => {},
    signal: interrupt.signal,
  });
  assertEquals(outcome, { skipped: 0, done: 1, failed: 0, interrupted: true });
  assertEquals([await store.read("b"), await store.read("c")], [null, null]);
});

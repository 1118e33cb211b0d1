/** The experiments as defined: every row can be trained, and its options match its name. */
import { experiments } from "../../src/experiments/definitions/all.ts";
import { scales } from "../../src/experiments/definitions/scales.ts";
import { resolveOptions } from "../../src/config/resolve_options.ts";
import { planExperiment } from "../../src/experiments/plan.ts";
import { withoutOperations } from "../../src/experiments/experiment.ts";
import { parseRecipe } from "../../data/views/parse_recipe.ts";
import { assert, assertEquals } from "../assert.ts";

const overrides = { data: "shapes:12000" };

/** Rows of experiment `name` at the scale quick, resolved, by series and name. */
function quickRows(name: string) {
  const experiment = experiments.find((one) => one.name === name)!;
  const { rows } = planExperiment(experiment, { scale: scales.quick });
  return new Map(rows.map(({ row, configurations }) => [
    `${row.series ?? "BYOL"} ${row.name}`,
    {
      row,
      configurations,
      options: resolveOptions(configurations[0].given, { recipe: configurations[0].recipe }),
    },
  ]));
}

for (const scale of Object.values(scales)) {
  Deno.test(`experiments: every row of scale ${scale.name} resolves to valid options`, () => {
    for (const experiment of experiments) {
      const { rows } = planExperiment(experiment, { scale, overrides });
      const names = rows.map(({ row }) => `${row.series} ${row.name}`);
      assertEquals([...new Set(names)], names, `${experiment.name}: duplicate row names`);
      const series = new Set(rows.map(({ row }) => row.series));
      for (const one of series) {
        const baselines = rows.filter(({ row }) => row.series === one && row.baseline);
        assert(
          baselines.length === 1,
          `${experiment.name}: ${baselines.length} baselines of ${one}`,
        );
      }
      for (const { row, configurations } of rows) {
        for (const { given, recipe } of configurations) {
          resolveOptions(given, { recipe: parseRecipe(recipe, `${experiment.name}, ${row.name}`) });
        }
        assertEquals(configurations.map(({ given }) => given.seed), [...configurations.keys()]);
      }
    }
  });
}

Deno.test("experiments: baselines and rows that a claim rests on have three seeds, others one", () => {
  const names = (name: string) => {
    const { rows } = planExperiment(experiments.find((one) => one.name === name)!, { scale: scales.quick });
    const of = (seeds: number) =>
      rows.flatMap(({ row: { name }, configurations }) => configurations.length === seeds ? [name] : []);
    assertEquals(of(3).length + of(1).length, rows.length);
    return of(3);
  };
  assertEquals(names("fixed-target").length, 4);
  assertEquals(names("tau"), ["τ = 1", "τ = 0.95"]);
  assertEquals(names("predictor"), ["predictor and target"]);
  assertEquals(names("augmentations"), ["all", "no color", "all", "no color"]);
  assertEquals(names("batch"), ["64", "8", "64", "8"]);
  assertEquals(names("projection"), ["128"]);
  assertEquals(names("negatives"), ["BYOL, β = 0"]);
});

Deno.test("experiments: the calibrated control keeps its 60 steps at every scale and with --epochs", () => {
  const control = experiments[0].rows(scales.cifar).find(({ options }) => options?.lr === 1e-30)!;
  for (const scale of Object.values(scales)) {
    for (const epochs of [undefined, 9]) {
      const { rows } = planExperiment(experiments[0], { scale, overrides: { ...overrides, epochs } });
      const { given } = rows.find(({ row }) => row.name === control.name)!.configurations[0];
      assertEquals([given.steps, given.epochs ?? null], [60, null]);
    }
  }
});

Deno.test("experiments: the paper's figures match its tables", () => {
  const papers = (name: string) => [...quickRows(name).values()].map(({ row: { paper } }) => paper ?? null);
  assertEquals(papers("fixed-target"), [1.4, null, 18.8, 72.5]);
  assertEquals(papers("predictor"), [72.5, 5.5, .3, .2, .1]);
  assertEquals(papers("augmentations"), [
    ...[72.5, 71.2, 71.8, 70.3, 63.4, 60.1, 59.4],
    ...[67.9, 65.2, 63.7, 61.9, 45.7, 40.2, 40.3],
  ]);
  const { paperRows } = experiments.find(({ name }) => name === "batch")!;
  assertEquals(paperRows!.map(({ paper }) => paper), [
    ...[72.5, 67.9, 72.4, 67.8, 72.2, 67.4, 72.2, 66.5, 71.8, 64.3, 69.6, 63.6, 59.7, 59.2],
  ]);
  assertEquals(papers("negatives"), [72.5, 72.4, 72, 70.9, 70.7, 69.1, 69.4]);
});

Deno.test("experiments: rows change the option they are named after, and nothing else", () => {
  const base = quickRows("fixed-target").get("BYOL moving average")!;
  const changes = (options: object) =>
    Object.fromEntries(
      Object.entries(options).filter(([name, value]) => base.options[name as "tau"] !== value),
    );
  assertEquals(changes(quickRows("fixed-target").get("BYOL fixed target (τ = 1)")!.options), { tau: 1 });
  assertEquals(changes(quickRows("predictor").get("BYOL no predictor")!.options), { predictor: false });
  assertEquals(changes(quickRows("predictor").get("BYOL no target")!.options), {
    target: "shared",
    tau: 0,
    tauSchedule: "constant",
  });
  const simclr = quickRows("augmentations").get("SimCLR all")!;
  assertEquals(
    [simclr.options.method, simclr.options.predictor, simclr.options.target, simclr.options.negatives],
    ["simclr", false, "shared", 1],
  );
});

Deno.test("experiments: rows of averaged batches have equal samples per update and in total", () => {
  const rows = [...quickRows("batch").values()];
  const { total } = scales.quick.batches, { batch, steps } = scales.quick.options;
  for (const { options } of rows) {
    assertEquals(options.batch * options.accumulate, total);
    assertEquals(options.steps! * total, steps! * batch!);
  }
  assert(new Set(rows.map(({ options }) => options.batch)).size >= 4);
});

Deno.test("experiments: a removed operation is missing in both views of the recipe, others stay", () => {
  const { recipe } = scales.quick;
  const [{ jitter: _a, grayscale: _b, ...first }, { jitter: _c, grayscale: _d, ...second }] = recipe.views;
  const got = quickRows("augmentations").get("SimCLR no color")!.configurations[0].recipe;
  assertEquals(got, { ...recipe, name: `${recipe.name}-jitter-grayscale`, views: [first, second] });
  const crop = quickRows("augmentations").get("BYOL crop")!.configurations[0].recipe;
  assertEquals(crop.views.map((view) => Object.keys(view)), [["crop"], ["crop"]]);
  for (const view of recipe.views) assert(view.blur && view.jitter && view.grayscale && view.flip);
  assertEquals(withoutOperations(recipe, []), recipe);
});

Deno.test("experiments: τ = 0 stays 0, other values rise along the cosine", () => {
  const { options: { target, tau, tauSchedule } } = quickRows("tau").get("BYOL τ = 0")!;
  assertEquals([target, tau, tauSchedule], ["none", 0, "constant"]);
  const { given: moving } = quickRows("tau").get("BYOL τ = 0.9")!.configurations[0];
  assertEquals([moving.tau, moving.tauSchedule], [.9, undefined]);
});

import { join } from "node:path";
import { presetFiles } from "../../src/config/preset_files.ts";
import { resolveOptions } from "../../src/config/resolve_options.ts";
import { parseTrainOptions } from "../../src/cli/train_options.ts";
import { UserError } from "../../src/base/errors.ts";
import { loadPreset } from "../../src/config/load_preset.ts";
import { optionsWithRecipe } from "../../src/config/load_recipe.ts";
import { assert, assertClose, assertEquals, assertThrows } from "../assert.ts";
import { temporaryFolder } from "../io/temporary_folder.ts";
import { assertIncludes } from "./parsed.ts";

/** Grill et al. 2020, section 3.3 and appendix C.1: what the paper's runs have in common. */
const paper = {
  method: "byol",
  predictor: true,
  target: "ema",
  negatives: 0,
  recipe: "byol",
  size: 224,
  backbone: "resnet50",
  stem: "imagenet",
  hidden: 4096,
  projection: 256,
  tauSchedule: "cosine",
  optimizer: "lars",
  trust: 1e-3,
  larsClip: false,
  momentum: 0.9,
  batch: 4096,
} as const;

/** What depends on their length. */
const lengths = [
  { epochs: 40, baseLr: 0.45, weightDecay: 1e-6, tau: 0.97 },
  { epochs: 100, baseLr: 0.45, weightDecay: 1e-6, tau: 0.99 },
  { epochs: 300, baseLr: 0.3, weightDecay: 1e-6, tau: 0.99 },
  { epochs: 1000, baseLr: 0.2, weightDecay: 1.5e-6, tau: 0.996 },
];

for (const length of lengths) {
  Deno.test(`preset paper-${length.epochs} has the paper's values`, () => {
    const options = resolveOptions({ data: "photos", preset: `paper-${length.epochs}` });
    assertIncludes(options, { ...paper, ...length, steps: null, preset: `paper-${length.epochs}` });
    assertClose("lr", [options.lr], [length.baseLr * 4096 / 256], { relative: 1e-6 });
    assertClose("warm-up in epochs", [options.warmup * length.epochs], [10], { relative: 1e-6 });
  });
}

Deno.test("preset cifar has the values of solo-learn", () => {
  assertIncludes(resolveOptions({ data: "photos", preset: "cifar" }), {
    recipe: "cifar",
    size: 32,
    backbone: "resnet18",
    stem: "cifar",
    hidden: 4096,
    projection: 256,
    batch: 256,
    epochs: 1000,
    tau: 0.99,
    tauSchedule: "cosine",
    optimizer: "lars",
    lr: 1,
    weightDecay: 1e-5,
    trust: 0.02,
    larsClip: true,
    warmup: 0.01,
  });
});

Deno.test("preset small has the values measured in docs/benchmarks.md", () => {
  assertIncludes(resolveOptions({ data: "photos", preset: "small" }), {
    recipe: "cifar",
    size: 32,
    backbone: "resnet8",
    hidden: 512,
    projection: 128,
    batch: 128,
    epochs: 10,
    optimizer: "sgd",
    lr: 0.1,
    weightDecay: 5e-4,
    warmup: 0.05,
    tau: 0.99,
  });
});

Deno.test("resolveOptions() lets options override a preset's fields and their alternatives", () => {
  const preset = "paper-300", data = "photos";
  const options = (given: Parameters<typeof resolveOptions>[0]) => resolveOptions({ data, preset, ...given });
  // The rate scales with the images of a step, as in the paper.
  assertIncludes(options({ batch: 256, accumulate: 4 }), { batch: 256, lr: 1.2, baseLr: 0.3 });
  assertIncludes(options({ lr: 5 }), { lr: 5, baseLr: null });
  assertIncludes(options({ steps: 7 }), { steps: 7, epochs: null });
  assertIncludes(options({ epochs: 7 }), { steps: null, epochs: 7 });
  assertIncludes(options({ backbone: "resnet18" }), { backbone: "resnet18", out: "runs/photos-resnet18" });
  assertIncludes(options({ method: "simclr" }), { target: "shared", predictor: false, tau: 0, batch: 4096 });
  assertIncludes(options({ tau: 0.5 }), { tau: 0.5, weightDecay: 1e-6 });
  assertIncludes(resolveOptions({ preset: "cifar" }), {
    data: "shapes",
    holdout: 1000,
    backbone: "resnet18",
  });
});

Deno.test("--help names all presets, and loadPreset() returns their files", async () => {
  const help = parseTrainOptions(["--help"]);
  assert("help" in help);
  const folder = new URL("../../src/config/presets/", import.meta.url);
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name.replace(/\.json$/, ""));
  assertEquals(Object.keys(presetFiles).sort(), names.sort());
  for (const name of names) {
    assert(help.help.replace(/\s+/g, " ").includes(name), `--help does not name ${name}`);
    const text = await Deno.readTextFile(new URL(`${name}.json`, folder));
    assertEquals(await loadPreset(name), JSON.parse(text));
  }
});

Deno.test("loadPreset() reads a file, with its recipe beside it, and refuses mistakes", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "mine.json");
  const write = (value: unknown) => Deno.writeTextFile(path, JSON.stringify(value));
  await Deno.writeTextFile(join(folder.path, "views.json"), JSON.stringify({ size: 48, views: [{}] }));
  await write({ recipe: "views.json", batch: 24, method: "simclr", stopOnCollapse: true });
  const { options, recipe } = await optionsWithRecipe({ data: "photos", preset: path, batch: 12 });
  assertEquals([recipe.size, recipe.name], [48, "views"]);
  assertIncludes(options, {
    preset: path,
    recipe: join(folder.path, "views.json"),
    size: 48,
    batch: 12,
    target: "shared",
    stopOnCollapse: true,
  });

  const refused: [unknown, RegExp][] = [
    [[], /mine\.json": it must be an object of options/],
    [{ bach: 2 }, /bach is no option of a preset\. Known are .*batch/],
    [{ preset: "cifar" }, /preset is no option of a preset/],
    [{ batch: 1 }, /batch must be a whole number from 2 to 65536, not 1\./],
    [{ batch: [4] }, /batch must be .*, not \[4\]/],
    [{ steps: null }, /steps must be .*, not null/],
    [{ larsClip: "on" }, /larsClip must be true or false, not "on"/],
  ];
  for (const [value, message] of refused) {
    await write(value);
    await assertThrows(() => loadPreset(path), UserError, message);
  }
  await Deno.writeTextFile(path, "{");
  await assertThrows(() => loadPreset(path), UserError, /mine\.json": it is no valid JSON: .* Correct it\.$/);
  await assertThrows(
    () => loadPreset(join(folder.path, "none.json")),
    UserError,
    /none\.json": it cannot be read: .*Check --preset, or name one of paper-40/,
  );
});

Deno.test("resolveOptions() refuses two learning rates, and prefers the one that is given to a preset's", async () => {
  const options = (given: Parameters<typeof resolveOptions>[0], preset: typeof given) =>
    resolveOptions({ data: "d", batch: 64, ...given }, { preset });
  await assertThrows(() => options({}, { lr: .1, baseLr: .4 }), UserError, /both set the learning rate/);
  assertIncludes(options({ baseLr: .5 }, { lr: .1 }), { lr: .125, baseLr: .5 });
  assertIncludes(options({ lr: .1 }, { baseLr: .5 }), { lr: .1, baseLr: null });
  assertIncludes(options({ epochs: 3 }, { steps: 100 }), { epochs: 3, steps: null });
  assertIncludes(options({ steps: 100 }, { epochs: 3 }), { epochs: null, steps: 100 });
});

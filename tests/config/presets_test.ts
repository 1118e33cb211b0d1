import { join } from "node:path";
import { presetFiles } from "../../src/config/preset_files.ts";
import { resolveOptions } from "../../src/config/resolve_options.ts";
import { parseTrainOptions } from "../../src/cli/train_options.ts";
import { UserError } from "../../src/base/errors.ts";
import { loadPreset } from "../../src/config/load_preset.ts";
import type { PretrainOptions } from "../../src/config/pretrain_options.ts";
import { newRun, writeConfig } from "../../src/run/folder.ts";
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
    /none\.json": it cannot be read: there is no such file\. Check --preset, or name one of paper-40/,
  );
});

Deno.test("loadPreset() counts the path of weights from the preset's folder, and leaves an address as it is", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "mine.json");
  for (const [init, expected] of [["w.pth", join(folder.path, "w.pth")], ["hf://me/net", "hf://me/net"]]) {
    await Deno.writeTextFile(path, JSON.stringify({ init }));
    assertEquals((await loadPreset(path)).init, expected);
  }
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

/** The folder of a run with these options, as far as config.json goes. */
async function runFolder(folder: string, given: PretrainOptions) {
  const { run, lock } = await newRun({ ...given, out: join(folder, "run") });
  const adapter = { name: "GPU", backend: "Vulkan", driver: "1" } as never;
  await writeConfig(run, { fingerprint: "images", totalSteps: 9, adapter });
  await lock[Symbol.asyncDispose]();
  return { preset: join(run.options.out, "config.json"), options: run.options };
}

/** What a run has for itself. */
const own = { out: "", preset: null };

const repeated: [what: string, given: PretrainOptions, then: PretrainOptions, other: object][] = [
  ["by its defaults", {}, {}, {}],
  ["on a folder", { data: "photos", seed: 3, limit: 500, maxBad: 4 }, { seed: 5 }, { seed: 5 }],
  ["of some epochs on the shapes", { epochs: 2 }, { data: "photos" }, { data: "photos" }],
  ["by lr", { lr: .3, data: "d" }, { batch: 64 }, { batch: 64, lr: .3 }],
  ["by baseLr", { baseLr: .3, data: "d", batch: 32 }, { batch: 64 }, { batch: 64, lr: .075 }],
  ["by a preset", { preset: "paper-300", data: "d" }, { steps: 7 }, { steps: 7, epochs: null }],
  ["of simclr", { method: "simclr", data: "d" }, {}, {}],
  [
    "of simclr, as byol",
    { method: "simclr", data: "d" },
    { method: "byol" },
    { ...resolvedMethod(), method: "byol" },
  ],
  ["with a fixed target", { target: "fixed", negatives: .5, data: "d" }, {}, {}],
  ["of a backbone of its own", { backbone: { block: "basic", layers: [1, 1], widths: [8, 16] } }, {}, {}],
];

function resolvedMethod() {
  const { predictor, target, negatives, temperature, tau, tauSchedule, targetInit } = resolveOptions({
    data: "d",
  });
  return { predictor, target, negatives, temperature, tau, tauSchedule, targetInit };
}

for (const [what, given, then, other] of repeated) {
  Deno.test(`config.json of a run ${what} repeats it as a preset`, async () => {
    await using folder = await temporaryFolder();
    const { preset, options } = await runFolder(folder.path, given);
    const again = await optionsWithRecipe({ ...then, preset });
    assertEquals({ ...again.options, ...own }, { ...options, ...other, ...own });
    assertEquals(again.hasOut, false);
    assert(again.options.out.startsWith("runs/"), again.options.out);
  });
}

Deno.test("config.json as a preset has the run's recipe, even if the file it came from is gone", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "views.json");
  await Deno.writeTextFile(file, JSON.stringify({ size: 48, views: [{ flip: .25 }] }));
  const { preset } = await runFolder(folder.path, { recipe: file });
  await Deno.remove(file);
  const { options, recipe } = await optionsWithRecipe({ preset });
  assertEquals([options.recipe, recipe.views[0].flip], [join(folder.path, "run", "recipe.json"), .25]);

  const inline = { name: "mine", size: 40, views: [{ grayscale: 1 }, {}] } as never;
  const other = await runFolder(join(folder.path, "inline"), { recipe: inline });
  assertEquals((await optionsWithRecipe({ preset: other.preset })).recipe.size, 40);
});

Deno.test("a preset of a run on a program's source needs data", async () => {
  await using folder = await temporaryFolder();
  const { preset } = await runFolder(folder.path, { data: "photos" });
  const config = JSON.parse(await Deno.readTextFile(preset));
  await Deno.writeTextFile(preset, JSON.stringify({ ...config, data: null }));
  await assertThrows(
    () => optionsWithRecipe({ preset }),
    UserError,
    /source of a program\. Add --data SOURCE/,
  );
  assertEquals((await optionsWithRecipe({ preset, data: "d" })).options.data, "d");
});

Deno.test("loadPreset() counts the paths of a file from its folder", async () => {
  await using folder = await temporaryFolder();
  const preset = join(folder.path, "mine.json"), data = ["photos", "shapes:9", "http://h.test/a.tar"];
  await Deno.writeTextFile(preset, JSON.stringify({ data, out: "runs/mine", batch: 8 }));
  const { options, hasOut } = await optionsWithRecipe({ preset });
  assertEquals([options.data, options.out, hasOut], [
    [join(folder.path, "photos"), "shapes:9", "http://h.test/a.tar"],
    join(folder.path, "runs/mine"),
    true,
  ]);
  const given = await optionsWithRecipe({ preset, data: "shapes", out: "o" });
  assertEquals([given.options.data, given.options.out], ["shapes", "o"]);
});

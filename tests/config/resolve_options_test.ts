/** The options of a run: what is given, presets and defaults together. */
import { parseTrainOptions } from "../../src/cli/train_options.ts";
import { recipes } from "../../data/views/recipe.ts";
import { UserError } from "../../src/base/errors.ts";
import { resolveOptions } from "../../src/config/resolve_options.ts";
import { openIndexed } from "../data/fixtures.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { assertIncludes, parse } from "./parsed.ts";

Deno.test("resolveOptions() trains on 12,800 images of shapes without options", () => {
  const { workers, ...options } = parse();
  assert(workers >= 1 && workers <= 8);
  assertEquals(options, {
    data: "shapes",
    split: null,
    label: null,
    limit: null,
    holdout: 1000,
    order: "mixed",
    size: 32,
    recipe: "shapes",
    augment: "gpu",
    decodeSize: 59,
    minSide: 1,
    cache: "none",
    onBadImage: "skip",
    maxBad: null,
    backbone: "resnet8",
    stem: "cifar",
    init: null,
    hidden: 512,
    projection: 128,
    preset: null,
    optimizer: "sgd",
    lr: 0.3,
    baseLr: 1.2,
    trust: 1e-3,
    larsClip: false,
    weightDecay: 5e-4,
    momentum: 0.9,
    warmup: 0.1,
    batch: 64,
    accumulate: 1,
    seed: 0,
    kernels: "auto",
    precision: "f32",
    lossScale: "dynamic",
    recompute: "auto",
    out: "runs/shapes-resnet8",
    checkpointEvery: 100,
    keep: 3,
    evalEvery: null,
    logEvery: 10,
    tensorboard: false,
    stopOnCollapse: false,
    stretch: "none",
    method: "byol",
    predictor: true,
    target: "ema",
    negatives: 0,
    temperature: 0.1,
    tau: 0.95,
    tauSchedule: "cosine",
    targetInit: "copy",
    epochs: null,
    steps: 200,
  });
});

Deno.test("resolveOptions() has other defaults for other data", () => {
  assertIncludes(parse("--data", "../my photos/"), {
    size: 32,
    recipe: "cifar",
    backbone: "resnet18",
    hidden: 4096,
    projection: 256,
    optimizer: "lars",
    lr: 0.225,
    weightDecay: 1e-6,
    tau: 0.99,
    batch: 128,
    epochs: 100,
    steps: null,
    out: "runs/my-photos-resnet18",
  });
});

Deno.test("resolveOptions() refuses unknown options and values that are not allowed", async () => {
  const refused: [given: object, message: RegExp][] = [
    [{ bach: 2 }, /option "bach": it is none of data/],
    [{ batch: 1 }, /"batch = 1": it must be .* from 2 to/],
    [{ batch: [64] }, /"batch = \[64\]": it must be/],
    [{ batch: null }, /"batch = null": it must be/],
    [{ larsClip: "on" }, /"larsClip = on": it must be true or false/],
    [{ kernels: "fastest" }, /"kernels = fastest": it must be one of auto, default/],
    [{ data: [1, ""] }, /"data = ": it must be/],
    [{ data: [] }, /"data = \[\]": it must be/],
    [{ onStep: "print" }, /"onStep = print": it must be a function/],
    [{ signal: new AbortController() }, /it must be an AbortSignal/],
    [{ recipe: { views: [{}], mean: [NaN, 0, 0] } }, /mean\[0\] is NaN/],
    [{ data: { name: "mine" } }, /data of kind undefined: an ImageSource is of kind/],
    [{ backbone: { block: "basic" } }, /layers must list/],
    [{ recipe: { name: "mine" } }, /views/],
  ];
  for (const [given, message] of refused) await assertThrows(() => resolveOptions(given), UserError, message);
});

Deno.test("resolveOptions() names the field that an ImageSource lacks", async () => {
  const source = await openIndexed("shapes:20");
  const streamed = { ...source, kind: "streamed", length: null, shards: [] };
  const refused: [data: object, message: RegExp][] = [
    [{ ...source, name: undefined }, /its name is undefined. It must be a text/],
    [{ ...source, fingerprint: undefined }, /"shapes": its fingerprint is undefined/],
    [{ ...source, classes: null }, /its classes is null. It must be a list of texts/],
    [{ ...source, length: NaN }, /its length is NaN. It must be a whole number/],
    [{ ...source, length: -1 }, /its length is -1/],
    [{ ...source, read: undefined }, /its read is undefined. It must be a function/],
    [{ ...streamed, shards: undefined }, /its shards is undefined. It must be a list/],
  ];
  for (const [data, message] of refused) {
    await assertThrows(() => resolveOptions({ data: data as never }), UserError, message);
  }
  assertEquals(resolveOptions({ data: streamed as never }).data, null);
});

Deno.test("resolveOptions() takes values of a program: numbers as text, a source, a recipe, a backbone", async () => {
  const data = await openIndexed("shapes:20"), recipe = { ...recipes.byol, name: "mine", size: 96 };
  const backbone = { block: "basic", layers: [1], widths: [8] } as const;
  const options = resolveOptions({ data: { ...data, name: "a/my set" }, recipe, backbone, log() {} });
  assertIncludes(options, {
    data: null,
    recipe,
    size: 96,
    backbone,
    out: "runs/my-set-resnet",
    hidden: 4096,
  });
  assert(!("log" in options));
  assertIncludes(resolveOptions({ batch: "32" as never, seed: undefined }), { batch: 32, seed: 0 });
});

Deno.test("resolveOptions() derives defaults from other options", () => {
  assertIncludes(parse("--data", "shapes:640"), {
    backbone: "resnet8",
    recipe: "shapes",
    out: "runs/shapes-640-resnet8",
  });
  assertIncludes(parse("--data", "d", "--size", "64"), { recipe: "cifar", stem: "cifar" });
  assertIncludes(parse("--data", "d", "--size", "65"), { recipe: "byol", stem: "imagenet" });
  assertIncludes(parse("--data", "d", "--recipe", "byol"), { size: 224, stem: "imagenet" });
  assertIncludes(parse("--size", "96"), { recipe: "shapes", stem: "imagenet" });
  assertIncludes(parse("--data", "d", "--optimizer", "sgd"), { lr: 0.06, weightDecay: 5e-4 });
  assertIncludes(parse("--optimizer", "lars", "--batch", "256"), { lr: 0.45, weightDecay: 1e-6, steps: 50 });
  assertIncludes(parse("--batch", "24"), { lr: 0.1125 });
  assertIncludes(parse("--batch", "24", "--accumulate", "4"), { lr: 0.45, steps: 134 });
  assertIncludes(parse("--batch", "64", "--base-lr", "2"), { lr: 0.5, baseLr: 2 });
  assertIncludes(parse("--epochs", "3"), { epochs: 3, steps: null });
  assertIncludes(parse("--epochs", "3", "--steps", "5"), { epochs: null, steps: 5 });
  assertIncludes(parse("--data=/a/my.set/.", "--backbone", "resnet34"), { out: "runs/my.set-resnet34" });
});

Deno.test("resolveOptions() takes the size of a recipe from a file by default", () => {
  const parsed = parseTrainOptions(["--data", "d", "--recipe", "a/mine.JSON"]);
  assert(!("help" in parsed));
  const options = resolveOptions(parsed.given, { recipe: { ...recipes.byol, size: 96 } });
  assertIncludes(options, { recipe: "a/mine.JSON", size: 96, stem: "imagenet" });
  assertIncludes(resolveOptions({ ...parsed.given, size: 40 }, { recipe: recipes.byol }), {
    size: 40,
    stem: "cifar",
  });
  assertIncludes(parse("--data", "d", "--recipe", "simclr"), { size: 224 });
});

Deno.test("resolveOptions() takes the parts of a method, each overridden alone; only a moving average has τ", () => {
  const simclr = { predictor: false, target: "shared", negatives: 1, temperature: 0.1 } as const;
  const still = { tau: 0, tauSchedule: "constant", targetInit: "copy" } as const;
  assertIncludes(parse("--method", "simclr"), { ...simclr, ...still });
  assertIncludes(parse(..."--method simclr --predictor --temperature .5".split(" ")), {
    ...simclr,
    predictor: true,
    temperature: 0.5,
  });
  assertIncludes(parse("--negatives", ".5"), {
    method: "byol",
    predictor: true,
    target: "ema",
    negatives: 0.5,
  });
  assertIncludes(parse("--target", "none"), { predictor: true, target: "none", negatives: 0, ...still });
  assertIncludes(parse(..."--target fixed --target-init independent".split(" ")), {
    target: "fixed",
    tau: 1,
    tauSchedule: "constant",
    targetInit: "independent",
  });
});

Deno.test("resolveOptions() refuses a temperature without negatives", async () => {
  await assertThrows(
    () => resolveOptions({ temperature: .5 }),
    UserError,
    /temperature = 0\.5 with negatives = 0/,
  );
  assertEquals(resolveOptions({ temperature: .5, negatives: .1 }).temperature, .5);
  assertEquals(resolveOptions({ temperature: .5, method: "simclr" }).temperature, .5);
});

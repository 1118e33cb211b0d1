import { recipes } from "../../data/views/recipe.ts";
import { UserError } from "../../src/base/errors.ts";
import { resolveOptions } from "../../src/config/resolve_options.ts";
import type { ResolvedOptions } from "../../src/config/resolved_options.ts";
import { parseTrainOptions } from "../../src/cli/train_options.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

function parse(...args: string[]): ResolvedOptions {
  const parsed = parseTrainOptions(args);
  assert(!("help" in parsed), "help was asked for");
  return resolveOptions(parsed.given);
}

/** The entries of `options` that `expected` names. */
function assertIncludes(options: ResolvedOptions, expected: Partial<ResolvedOptions>): void {
  const names = Object.keys(expected) as (keyof ResolvedOptions)[];
  assertEquals(Object.fromEntries(names.map((name) => [name, options[name]])), expected);
}

Deno.test("without arguments the built-in data set is trained on for 12,800 samples", () => {
  const { workers, ...options } = parse();
  assert(workers >= 1 && workers <= 8);
  assertEquals(options, {
    data: "shapes",
    limit: null,
    holdout: 1000,
    size: 32,
    recipe: "shapes",
    augment: "gpu",
    decodeSize: 59,
    cache: "none",
    onBadImage: "skip",
    maxBad: null,
    backbone: "resnet8",
    stem: "cifar",
    hidden: 512,
    projection: 128,
    preset: null,
    optimizer: "sgd",
    lr: 0.3,
    baseLr: 1.2,
    trust: 1e-3,
    larsClip: "off",
    weightDecay: 5e-4,
    momentum: 0.9,
    warmup: 0.1,
    batch: 64,
    accumulate: 1,
    seed: 0,
    kernels: "auto",
    recompute: "auto",
    out: "runs/shapes-resnet8",
    checkpointEvery: 100,
    keep: 3,
    evalEvery: 0,
    logEvery: 10,
    stopOnCollapse: false,
    method: "byol",
    predictor: "on",
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

Deno.test("other data gets the other defaults", () => {
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

Deno.test("every option is taken", () => {
  const given = [
    ..."--data d --data e --limit 10000 --holdout 5000 --size 40 --recipe byol --workers 3".split(" "),
    ..."--on-bad-image substitute --max-bad 7 --augment cpu --decode-size 99 --cache disk".split(" "),
    ..."--backbone resnet50 --stem imagenet --hidden 512 --projection 128 --tau 1 --tau-schedule constant"
      .split(" "),
    ..."--target-init independent --optimizer sgd --lr .1 --weight-decay 5e-4 --momentum 0 --warmup .05"
      .split(" "),
    ..."--method simclr --predictor on --target ema --negatives .5 --temperature .2 --accumulate 3".split(
      " ",
    ),
    ..."--trust .02 --lars-clip on --stop-on-collapse".split(" "),
    "--eval-every",
    "3",
    ..."--batch 2 --epochs 10 --seed 7 --kernels tiled --recompute never --out o --checkpoint-every 60 --keep 1 --log-every 5"
      .split(" "),
  ];
  assertEquals(parse(...given), {
    data: ["d", "e"],
    limit: 10000,
    holdout: 5000,
    size: 40,
    recipe: "byol",
    augment: "cpu",
    decodeSize: 99,
    cache: "disk",
    onBadImage: "substitute",
    maxBad: 7,
    workers: 3,
    backbone: "resnet50",
    stem: "imagenet",
    hidden: 512,
    projection: 128,
    preset: null,
    optimizer: "sgd",
    lr: 0.1,
    baseLr: null,
    trust: 0.02,
    larsClip: "on",
    weightDecay: 5e-4,
    momentum: 0,
    warmup: 0.05,
    batch: 2,
    accumulate: 3,
    seed: 7,
    kernels: "tiled",
    recompute: "never",
    out: "o",
    checkpointEvery: 60,
    keep: 1,
    evalEvery: 3,
    logEvery: 5,
    stopOnCollapse: true,
    tau: 1,
    tauSchedule: "constant",
    targetInit: "independent",
    method: "simclr",
    predictor: "on",
    target: "ema",
    negatives: 0.5,
    temperature: 0.2,
    epochs: 10,
    steps: null,
  });
});

Deno.test("--resume, --allow-changed-data, --plan and --profile are switches", () => {
  const off = { given: {}, resume: false, allowChangedData: false, plan: false, profile: false };
  assertEquals(parseTrainOptions([]), off);
  assertEquals(parseTrainOptions(["--resume", "--plan"]), { ...off, resume: true, plan: true });
  assertEquals(parseTrainOptions(["--resume", "--allow-changed-data"]), {
    ...off,
    resume: true,
    allowChangedData: true,
  });
  assertEquals(parseTrainOptions(["--batch", "4", "--profile"]), {
    ...off,
    given: { batch: 4 },
    profile: true,
  });
});

Deno.test("options given by a program are held to the same rules", async () => {
  await assertThrows(() => resolveOptions({ batch: 1 }), UserError, /batch = 1 as it must be .* from 2 to/);
  await assertThrows(
    () => resolveOptions({ bach: 2 } as never),
    UserError,
    /option bach: the known ones are data/,
  );
});

Deno.test("defaults follow from other options", () => {
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

const refused: [args: string, message: RegExp][] = [
  ["--bach 3", /unknown option '--bach' \(Did you mean --batch\?\)/],
  ["--weight_decay 0", /Did you mean --weight-decay\?/],
  ["--projector 8", /unknown option '--projector'/],
  ["photos", /too many arguments.*photos.*--data SOURCE/],
  ["--batch", /'--batch <N>' argument missing/],
  ["--batch=", /--batch "" as it must be a whole number from 2 to 65536/],
  ["--batch 12x", /--batch 12x as/],
  ["--batch 1", /from 2 to/],
  ["--batch 100000000", /from 2 to/],
  ["--batch 2.5", /whole number/],
  ["--batch 1e3", /whole number/],
  ["--batch 99999999999999999999", /whole number/],
  ["--epochs 0", /at least 1/],
  ["--limit 0", /at least 1/],
  ["--holdout -1", /at least 0/],
  ["--seed -1", /from 0 to/],
  ["--workers 0", /from 1 to/],
  ["--keep 0", /at least 1/],
  ["--size 7", /a whole number from 8 to 512/],
  ["--size 513", /a whole number from 8 to 512/],
  ["--hidden 510", /a multiple of 4/],
  ["--projection 0", /a multiple of 4 from 4 to/],
  ["--tau 1.01", /a number from 0 to 1/],
  ["--tau -.1", /a number from 0 to 1/],
  ["--warmup 5%", /a number from 0 to 1/],
  ["--momentum 1", /a number from 0/],
  ["--lr 0", /a number above 0/],
  ["--lr NaN", /a number above 0/],
  ["--lr Infinity", /a number above 0/],
  ["--lr 1e999", /a number above 0/],
  ["--lr 0x10", /a number above 0/],
  ["--lr 1 --base-lr 1", /lr = 1 and baseLr = 1 as both tell the learning rate/],
  ["--accumulate 0", /from 1 to/],
  ["--negatives -1", /at least 0/],
  ["--temperature 0", /above 0/],
  ["--target online", /one of ema, fixed, none, shared/],
  ["--target fixed --tau .9", /tau = 0\.9 as the target stays as it began: target = fixed\. Leave tau out/],
  ["--target none --tau-schedule constant", /tauSchedule = constant as there is no second network/],
  ["--method simclr --target-init copy", /targetInit = copy .* target that is ema or fixed/],
  ["--preset paper-200", /one of paper-40, paper-100, .*, small, or a \.json file/],
  ["--stop-on-collapse=yes", /unknown option '--stop-on-collapse=yes'/],
  ["--weight-decay -1e-9", /a number of at least 0/],
  ["--backbone resnet19", /one of resnet8, resnet20, resnet18, resnet34, resnet50/],
  ["--recipe BYOL", /--recipe BYOL as it must be one of byol, simclr, cifar, shapes, none, or a \.json file/],
  ["--recipe mine.yaml", /or a \.json file/],
  ["--recipe -x.json", /or a \.json file/],
  ["--optimizer SGD", /one of sgd, lars/],
  ["--data --limit 3", /--data --limit as it must be a value/],
  ["--resume=yes", /unknown option '--resume=yes'/],
  ["--profile=yes", /unknown option '--profile=yes'/],
  ["--profile --plan", /'--profile' cannot be used with option '--plan'/],
  ["--resume --profile", /'--profile' cannot be used with option '--resume'/],
];

for (const [args, message] of refused) {
  Deno.test(`refused: ${args}`, () => assertThrows(() => parse(...args.split(" ")), UserError, message));
}

Deno.test("a recipe may be a file, whose size is the default", () => {
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

Deno.test("the ends of each range are taken", () => {
  assertIncludes(parse(..."--size 8 --tau 0 --warmup 1 --hidden 4 --holdout 0 --weight-decay 0".split(" ")), {
    holdout: 0,
    size: 8,
    hidden: 4,
    tau: 0,
    weightDecay: 0,
    warmup: 1,
  });
  assertIncludes(parse("--size", "512", "--workers", "1"), { size: 512, workers: 1 });
});

Deno.test("--help explains every option with its default, --version tells the version", () => {
  const help = parseTrainOptions(["--batch", "3", "--help"]);
  assert("help" in help);
  const text = help.help.replace(/\s+/g, " ");
  for (const name of [...Object.keys(parse()), "resume", "plan", "profile"]) {
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const isSwitch = ["resume", "plan", "profile", "stopOnCollapse"].includes(name);
    assert(
      new RegExp(isSwitch ? `--${flag} [a-z]` : `--${flag} <[^>]+> [^(]+\\((?:[^-]|-[^-])*default: `).test(
        text,
      ),
      `--${flag} is not explained`,
    );
  }
  assert(help.help.split("\n").every((line) => line.length <= 80 && line === line.trimEnd()));
  assertEquals(/^\d+\.\d+\.\d+$/.test((parseTrainOptions(["--version"]) as { help: string }).help), true);
});

Deno.test("--method sets its parts, each of which can be set by itself; a target without a moving average has no τ", () => {
  const simclr = { predictor: "off", target: "shared", negatives: 1, temperature: 0.1 } as const;
  const still = { tau: 0, tauSchedule: "constant", targetInit: "copy" } as const;
  assertIncludes(parse("--method", "simclr"), { ...simclr, ...still });
  assertIncludes(parse(..."--method simclr --predictor on --temperature .5".split(" ")), {
    ...simclr,
    predictor: "on",
    temperature: 0.5,
  });
  assertIncludes(parse("--negatives", ".5"), {
    method: "byol",
    predictor: "on",
    target: "ema",
    negatives: 0.5,
  });
  assertIncludes(parse("--target", "none"), { predictor: "on", target: "none", negatives: 0, ...still });
  assertIncludes(parse(..."--target fixed --target-init independent".split(" ")), {
    target: "fixed",
    tau: 1,
    tauSchedule: "constant",
    targetInit: "independent",
  });
});

Deno.test("a switch that a preset or a run has can be taken back", () => {
  const given = (...args: string[]) => {
    const parsed = parseTrainOptions(args);
    return "help" in parsed ? null : parsed.given.stopOnCollapse;
  };
  assertEquals([given(), given("--stop-on-collapse"), given("--no-stop-on-collapse")], [
    undefined,
    true,
    false,
  ]);
});

Deno.test("what has no effect is refused: a temperature without negatives", async () => {
  await assertThrows(
    () => resolveOptions({ temperature: .5 }),
    UserError,
    /temperature = 0\.5 as negatives = 0/,
  );
  assertEquals(resolveOptions({ temperature: .5, negatives: .1 }).temperature, .5);
  assertEquals(resolveOptions({ temperature: .5, method: "simclr" }).temperature, .5);
});

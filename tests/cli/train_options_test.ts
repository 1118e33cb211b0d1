/** The command line of train.ts: what it takes, refuses and explains. */
import { parseTrainOptions } from "../../src/cli/train_options.ts";
import { UserError } from "../../src/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { assertIncludes, parse } from "../config/parsed.ts";

Deno.test("parseTrainOptions() takes every option", () => {
  const given = [
    ..."--data d --data e --limit 10000 --holdout 5000 --size 40 --recipe byol --workers 3".split(" "),
    ..."--split val --label kind --order source".split(" "),
    ..."--on-bad-image substitute --max-bad 7 --augment cpu --decode-size 99 --min-side 16 --cache disk"
      .split(" "),
    ..."--stretch percentile --init weights.pth".split(" "),
    ..."--backbone resnet50 --stem imagenet --hidden 512 --projection 128 --tau 1 --tau-schedule constant"
      .split(" "),
    ..."--target-init independent --optimizer sgd --lr .1 --weight-decay 5e-4 --momentum 0 --warmup .05"
      .split(" "),
    ..."--method simclr --predictor --target ema --negatives .5 --temperature .2 --accumulate 3".split(
      " ",
    ),
    ..."--trust .02 --lars-clip --stop-on-collapse --tensorboard".split(" "),
    "--eval-every",
    "3",
    ..."--batch 2 --epochs 10 --seed 7 --kernels tiled --precision mixed --loss-scale 1024 --recompute never --out o --checkpoint-every 60 --keep 1 --log-every 5"
      .split(" "),
  ];
  assertEquals(parse(...given), {
    data: ["d", "e"],
    split: "validation",
    label: "kind",
    limit: 10000,
    holdout: 5000,
    order: "source",
    size: 40,
    recipe: "byol",
    stretch: "percentile",
    augment: "cpu",
    decodeSize: 99,
    minSide: 16,
    cache: "disk",
    onBadImage: "substitute",
    maxBad: 7,
    workers: 3,
    backbone: "resnet50",
    stem: "imagenet",
    init: "weights.pth",
    hidden: 512,
    projection: 128,
    preset: null,
    optimizer: "sgd",
    lr: 0.1,
    baseLr: null,
    trust: 0.02,
    larsClip: true,
    weightDecay: 5e-4,
    momentum: 0,
    warmup: 0.05,
    batch: 2,
    accumulate: 3,
    seed: 7,
    kernels: "tiled",
    precision: "mixed",
    lossScale: 1024,
    recompute: "never",
    out: "o",
    checkpointEvery: 60,
    keep: 1,
    evalEvery: 3,
    logEvery: 5,
    stopOnCollapse: true,
    tensorboard: true,
    tau: 1,
    tauSchedule: "constant",
    targetInit: "independent",
    method: "simclr",
    predictor: true,
    target: "ema",
    negatives: 0.5,
    temperature: 0.2,
    epochs: 10,
    steps: null,
  });
});

Deno.test("parseTrainOptions() reads --resume, --allow-changed-data, --plan and --profile", () => {
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

const refused: [args: string, message: RegExp][] = [
  ["--bach 3", /unknown option '--bach' \(Did you mean --batch\?\)/],
  ["--weight_decay 0", /Did you mean --weight-decay\?/],
  ["--projector 8", /unknown option '--projector'/],
  ["photos", /too many arguments.*photos.*--data SOURCE/],
  ["--batch", /'--batch <N>' argument missing/],
  ["--batch=", /"--batch ": the value must be a whole number from 2 to 65536/],
  ["--batch 12x", /"--batch 12x": the value must be/],
  ["--batch 1", /from 2 to/],
  ["--batch 100000000", /from 2 to/],
  ["--batch 2.5", /whole number/],
  ["--batch 1e3", /whole number/],
  ["--batch 99999999999999999999", /whole number/],
  ["--epochs 0", /at least 1/],
  ["--limit 0", /at least 1/],
  ["--holdout -1", /a whole number of at least 0, or a share between 0 and 1/],
  ["--holdout 1.5", /a whole number of at least 0, or a share between 0 and 1/],
  ["--split half", /train, validation or test/],
  ["--order random", /one of mixed, source/],
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
  ["--lr 1 --base-lr 1", /lr = 1 with baseLr = 1: both set the learning rate/],
  ["--accumulate 0", /from 1 to/],
  ["--negatives -1", /at least 0/],
  ["--temperature 0", /above 0/],
  ["--target online", /one of ema, fixed, none, shared/],
  [
    "--target fixed --tau .9",
    /tau = 0\.9 with target = fixed: the target keeps its initial weights\. Leave out tau/,
  ],
  [
    "--target none --tau-schedule constant",
    /tauSchedule = constant with target = none: there is no target network/,
  ],
  ["--method simclr --target-init copy", /targetInit = copy .* choose target ema or fixed/],
  ["--preset paper-200", /one of paper-40, paper-100, .*, small, or a \.json file/],
  ["--stop-on-collapse=yes", /unknown option '--stop-on-collapse=yes'/],
  ["--predictor off", /too many arguments/],
  ["--precision half", /precision.*must be one of f32, mixed/],
  ["--loss-scale 1000", /loss-scale.*must be dynamic, or a power of two from 1 to 16777216/],
  ["--lars-clip=on", /unknown option '--lars-clip=on'/],
  ["--kernels usual", /one of auto, default, matrix, subgroup8, blocked, tiled/],
  ["--weight-decay -1e-9", /a number of at least 0/],
  ["--backbone resnet19", /one of resnet8, resnet20, resnet18, resnet34, resnet50/],
  [
    "--recipe BYOL",
    /"--recipe BYOL": the value must be one of byol, simclr, cifar, shapes, none, or a \.json file/,
  ],
  ["--recipe mine.yaml", /or a \.json file/],
  ["--recipe -x.json", /or a \.json file/],
  ["--optimizer SGD", /one of sgd, lars/],
  ["--data --limit 3", /"--data --limit": the value must be a value/],
  ["--resume=yes", /unknown option '--resume=yes'/],
  ["--profile=yes", /unknown option '--profile=yes'/],
  ["--profile --plan", /'--profile' cannot be used with option '--plan'/],
  ["--resume --profile", /'--profile' cannot be used with option '--resume'/],
];

for (const [args, message] of refused) {
  Deno.test(`train.ts refuses ${args}`, () =>
    assertThrows(() => parse(...args.split(" ")), UserError, message));
}

Deno.test("parseTrainOptions() takes both ends of each range", () => {
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

Deno.test("parseTrainOptions() explains every option with its default, and has the version", () => {
  const help = parseTrainOptions(["--batch", "3", "--help"]);
  assert("help" in help);
  const text = help.help.replace(/\s+/g, " ");
  for (const name of [...Object.keys(parse()), "resume", "plan", "profile"]) {
    const flag = (name === "predictor" ? "no-" : "") +
      name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const switches = ["resume", "plan", "profile", "stopOnCollapse", "tensorboard", "larsClip", "predictor"];
    const isSwitch = switches.includes(name);
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

Deno.test("parseTrainOptions() reads both forms of a switch, and undefined without it", () => {
  const given = (...args: string[]) => {
    const parsed = parseTrainOptions(args);
    assert(!("help" in parsed), "help was asked for");
    const { stopOnCollapse, predictor, larsClip } = parsed.given;
    return [stopOnCollapse, predictor, larsClip].map((value) => value ?? null);
  };
  assertEquals(given(), [null, null, null]);
  assertEquals(given("--stop-on-collapse", "--predictor", "--lars-clip"), [true, true, true]);
  assertEquals(given("--no-stop-on-collapse", "--no-predictor", "--no-lars-clip"), [false, false, false]);
});

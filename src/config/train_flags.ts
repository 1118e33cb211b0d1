/**
 * The options of train.ts that take a value, as data. An option's flag is its name in kebab case.
 *
 * @module
 */

import { isRecipeName, recipes, viewSizes } from "../../data/views/recipe.ts";
import { backbones } from "../nn/backbones.ts";
import { type Flag, flag } from "./flag.ts";
import { choice, fileOr, integer, number, onSwitch, text } from "./option_types.ts";
import { isPresetName, presetFiles } from "./preset_files.ts";
import {
  largestSmallSize,
  maxHoldout,
  maxWorkers,
  methods,
  optimizerDefaults,
  presets,
} from "./default_values.ts";

const backboneNames = Object.keys(backbones) as (keyof typeof backbones)[];
const presetNames = Object.keys(presetFiles).join(", ");
const recipeNames = Object.keys(recipes).join(", ");

/** The words for a default that depends on the data. */
function perData(name: Exclude<keyof typeof presets.shapes, "length">): string {
  return `${presets.shapes[name]} for shapes, else ${presets.other[name]}`;
}

const { sgd, lars } = optimizerDefaults;
const { shapes, other } = presets;

const data = {
  data: {
    ...flag<string | string[]>(
      text("SOURCE"),
      "shapes (built in), a folder of images, WebDataset shards, Parquet, zip or CIFAR files, also by pattern or " +
        "http(s); more than one are joined",
      "shapes",
    ),
    repeatable: true,
  } as Flag<string | string[]>,
  limit: flag(integer({ min: 1 }), "train on the first N samples in source order", "all"),
  holdout: flag(
    integer({ min: 0 }),
    "evaluate on the N samples after them, by kNN",
    `${shapes.holdout} for shapes, else a tenth, at most ${maxHoldout}, if labelled`,
  ),
  size: flag(
    integer(viewSizes),
    "side of a view in pixels",
    `the recipe's: ${recipes.byol.size} for byol, ${
      recipes[other.recipe].size
    } for ${other.recipe} and shapes`,
  ),
  recipe: flag(
    fileOr("json", { placeholder: "RECIPE", names: recipeNames, isName: isRecipeName }),
    `how views are drawn: ${recipeNames}, or FILE.json`,
    `${shapes.recipe} for shapes, else ${other.recipe} up to ${largestSmallSize} px and byol above`,
  ),
  augment: flag(choice("gpu", "cpu"), "where views are made of decoded images", "gpu"),
  decodeSize: flag(
    integer({ min: 8, max: 4096 }),
    "larger images are shrunk to this short side in pixels when they are decoded",
    "what gives the smallest crop a view's pixels: 114 for 32 px, 792 for 224, with recipe byol",
  ),
  cache: flag(
    choice("memory", "disk", "none"),
    "keep decoded images for later epochs, as far as there is room",
    "none",
  ),
  onBadImage: flag(
    choice("skip", "error", "substitute"),
    "an unreadable image is named, and passed over; or ends the run; or another one takes its place",
    "skip",
  ),
  maxBad: flag(
    integer({ min: 0 }),
    "end the run if more images than this are bad",
    "a tenth of the images, at least 10",
  ),
  workers: flag(
    integer({ min: 1, max: 256 }),
    "Workers that decode; any number of them gives the same batches",
    `one a core, at most ${maxWorkers}`,
  ),
};

const network = {
  backbone: flag(
    choice(...backboneNames),
    backboneNames.join(", "),
    perData("backbone"),
  ),
  stem: flag(
    choice("cifar", "imagenet"),
    "first layers: 3×3, or 7×7 of stride 2 and max-pool",
    `cifar up to ${largestSmallSize} px, else imagenet`,
  ),
  hidden: flag(
    integer({ min: 4, max: 65536, multipleOf: 4 }),
    "hidden width of projector and predictor",
    perData("hidden"),
  ),
  projection: flag(
    integer({ min: 4, max: 65536, multipleOf: 4 }),
    "output width of projector and predictor",
    perData("projection"),
  ),
};

const method = {
  preset: flag(
    fileOr("json", { placeholder: "PRESET", names: presetNames, isName: isPresetName }),
    `sets options that are not given: ${presetNames}, or FILE.json`,
    "none",
  ),
  method: flag(choice("byol", "simclr"), "what --predictor, --target and --negatives are by default", "byol"),
  predictor: flag(
    choice("on", "off"),
    "whether the online network predicts the target's projections, or is held against them directly",
    "on for byol, off for simclr",
  ),
  target: flag(
    choice("ema", "fixed", "none", "shared"),
    "whose projections are learnt from: ema, the moving average's; fixed, those of a network that stays as it began; " +
      "none, the online network's own, without gradient; shared, the same with a gradient through both sides",
    "ema for byol, shared for simclr",
  ),
  negatives: flag(
    number({ min: 0 }),
    "weight of the negatives in the loss: 0 is BYOL's, 1 InfoNCE",
    "0 for byol, 1 for simclr",
  ),
  temperature: flag(
    number({ min: 0, exclusive: true }),
    "temperature of the negatives",
    methods.byol.temperature,
  ),
  tau: flag(
    number({ min: 0, max: 1 }),
    "decay rate of the target at the start; 1 freezes the target",
    `${perData("tau")}; 1 if fixed`,
  ),
  tauSchedule: flag(choice("cosine", "constant"), "raise tau to 1 along a cosine, or leave it", "cosine"),
  targetInit: flag(
    choice("copy", "independent"),
    "target starts as the online network, or by its own draw",
    "copy",
  ),
  optimizer: flag(choice("sgd", "lars"), "SGD with momentum, or LARS", perData("optimizer")),
  lr: flag(
    number({ min: 0, exclusive: true }),
    "peak learning rate, used as it is",
    "batch × accumulate / 256 × --base-lr",
  ),
  baseLr: flag(
    number({ min: 0, exclusive: true }),
    "peak learning rate of 256 samples a step, in proportion to which it grows",
    `${lars.lr.other} for lars, ${sgd.lr.other} for sgd, ${sgd.lr.shapes} for sgd on shapes`,
  ),
  trust: flag(
    number({ min: 0, exclusive: true }),
    "trust coefficient of lars",
    optimizerDefaults.lars.trust,
  ),
  larsClip: flag(
    choice("on", "off"),
    "whether the rate that lars gives a parameter is at most lr",
    "off",
  ),
  weightDecay: flag(
    number({ min: 0 }),
    "weight decay of all but biases and batch normalisation",
    `${lars.weightDecay.toExponential()} for lars, ${sgd.weightDecay.toExponential()} for sgd`,
  ),
  momentum: flag(number({ min: 0, max: 0.9999 }), "momentum of the optimizer", 0.9),
  warmup: flag(
    number({ min: 0, max: 1 }),
    "fraction of the run over which lr rises, before it falls to 0 along a cosine",
    0.1,
  ),
  batch: flag(integer({ min: 2, max: 65536 }), "samples that pass together", perData("batch")),
  accumulate: flag(
    integer({ min: 1, max: 65536 }),
    "batches whose gradients are averaged for a step",
    1,
  ),
  epochs: flag(
    integer({ min: 1 }),
    "passes over the data",
    `${other.length.epochs}; for shapes, as many steps as take ${shapes.length.samples} samples`,
  ),
  steps: flag(integer({ min: 1 }), "steps to train, whatever --epochs says", "as --epochs says"),
  seed: flag(
    integer({ min: 0, max: 2 ** 32 - 1 }),
    "of every random draw: the same seed gives the same run",
    0,
  ),
};

const machine = {
  kernels: flag(
    choice("auto", "usual", "subgroup8", "blocked", "tiled"),
    "auto times the kernels on first use and remembers the fastest; usual does not; or pin a family of them",
    "auto",
  ),
  recompute: flag(
    choice("auto", "always", "never"),
    "make cheap activations again for the backward pass instead of keeping them: little more than half of the memory, " +
      "some percent slower; auto: only beyond 8 GiB, on a software adapter 2 GiB",
    "auto",
  ),
};

const output = {
  out: flag(text("DIR"), "folder for what the run writes", "runs/<data>-<backbone>"),
  checkpointEvery: flag(
    integer({ min: 1 }),
    "steps from checkpoint to checkpoint",
    perData("checkpointEvery"),
  ),
  keep: flag(integer({ min: 1 }), "how many checkpoints stay, the last ones", 3),
  evalEvery: flag(
    integer({ min: 0 }),
    "epochs from evaluation to evaluation on held-out samples, in evaluations.jsonl; 0: at the end only",
    0,
  ),
  logEvery: flag(integer({ min: 1 }), "steps from line to line of metrics.jsonl", 10),
  stopOnCollapse: flag(
    onSwitch(),
    "end a run whose projections have become one point, with exit code 3, instead of warning",
    "off",
  ),
};

/** The options by their headings in `--help`. */
export const trainFlagGroups = { data, network, method, machine, output };

/** All of them, by name. */
export const trainFlags = { ...data, ...network, ...method, ...machine, ...output };

/** The values of the options that were given. */
export type GivenTrainFlags = {
  [K in keyof typeof trainFlags]?: typeof trainFlags[K] extends Flag<infer T> ? T : never;
};

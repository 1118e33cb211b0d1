/**
 * The options of a run as a command line has them: an option's flag is its name in kebab case.
 *
 * @module
 */
import { isRecipeName, recipes, viewSizes } from "../../data/views/recipe.ts";
import { type BackboneName, backbones } from "../nn/backbones.ts";
import {
  defaultsByData,
  largestSmallSize,
  maxHoldout,
  maxWorkers,
  optimizerDefaults,
} from "./default_values.ts";
import { type Flag, flag, repeatable } from "./flag.ts";
import {
  choice,
  countOrShare,
  fileOr,
  integer,
  number,
  powerOfTwoOr,
  splitName,
  text,
  toggle,
} from "./option_types.ts";
import { isPresetName, presetFiles } from "./preset_files.ts";
import type { OptionName } from "./pretrain_options.ts";

const backboneNames = Object.keys(backbones) as BackboneName[];
const presetNames = Object.keys(presetFiles).join(", ");
const recipeNames = Object.keys(recipes).join(", ");

const { shapes, other } = defaultsByData, { sgd, lars } = optimizerDefaults;

/** The text of a default that depends on the data. */
function perData(name: Exclude<keyof typeof shapes, "length">): string {
  return `${shapes[name]} for shapes, otherwise ${other[name]}`;
}

const data = {
  data: repeatable(
    text("SOURCE"),
    "shapes (built in), a folder of images, WebDataset shards, Parquet, zip or CIFAR files, also by pattern or " +
      "http(s); repeat it to join several",
    "shapes",
  ),
  split: flag(
    splitName(),
    "read this split of data whose names tell of splits: train, validation or test",
    "train",
  ),
  label: flag(
    text("COLUMN"),
    "column of the labels, in Parquet files and lists",
    "the one that is usually called so",
  ),
  limit: flag(integer({ min: 1 }), "train on N images", "all"),
  holdout: flag(
    countOrShare(),
    "hold N images, or a share such as 0.1, out of training, and evaluate on them, with or without labels",
    `${shapes.holdout} for shapes, otherwise a tenth, at most ${maxHoldout}`,
  ),
  order: flag(
    choice("mixed", "source"),
    "how --holdout and --limit take images: mixed, drawn by the seed, each class in its share; source, as they lie, the " +
      "first to train on and the next held out",
    "mixed",
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
    `${shapes.recipe} for shapes, otherwise ${other.recipe} up to ${largestSmallSize} px and byol above`,
  ),
  stretch: flag(
    choice("percentile", "none"),
    "stretch the contrast of each image from its 1st to its 99th percentile, from its full depth",
    "the recipe's, which is none unless a file says otherwise",
  ),
  augment: flag(choice("gpu", "cpu"), "where views are computed from decoded images", "gpu"),
  decodeSize: flag(
    integer({ min: 8, max: 4096 }),
    "reduce larger images to this short side in pixels when decoding them for training",
    "the smallest crop keeps a view's pixels: 114 for 32 px, 792 for 224 with recipe byol",
  ),
  minSide: flag(
    integer({ min: 1, max: 65535 }),
    "leave out images whose short side has fewer pixels; others are enlarged where they are smaller than a view",
    1,
  ),
  cache: flag(
    choice("memory", "disk", "none"),
    "keep decoded images for later epochs, as far as there is room",
    "none",
  ),
  onBadImage: flag(
    choice("skip", "error", "substitute"),
    "skip an unreadable image, end the run, or use another image instead",
    "skip",
  ),
  maxBad: flag(
    integer({ min: 0 }),
    "end the run if more images than this are bad",
    "a tenth of the images, at least 10",
  ),
  workers: flag(
    integer({ min: 1, max: 256 }),
    "Workers that decode images; the batches do not depend on it",
    `one per core, at most ${maxWorkers}`,
  ),
};

const network = {
  backbone: flag(choice(...backboneNames), backboneNames.join(", "), perData("backbone")),
  stem: flag(
    choice("cifar", "imagenet"),
    "first layers: 3×3, or 7×7 with stride 2 and max pooling; of ConvNeXt: patches of 2×2, or 4×4",
    `cifar up to ${largestSmallSize} px, otherwise imagenet`,
  ),
  init: flag(
    text("WEIGHTS"),
    "start from these weights under torchvision's names: safetensors or PyTorch's .pth, a file, https:// or " +
      "hf://OWNER/NAME[/FILE]; or the folder of a run",
    "drawn by the seed",
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
    `a set of options, overridden by those given: ${presetNames}, or FILE.json`,
    "none",
  ),
  method: flag(
    choice("byol", "simclr"),
    "sets the defaults of --predictor, --target and --negatives",
    "byol",
  ),
  predictor: {
    ...flag(
      toggle(),
      "train without a predictor; --predictor gives one to simclr",
      "a predictor for byol, none for simclr",
    ),
    negated: true,
  },
  target: flag(
    choice("ema", "fixed", "none", "shared"),
    "where target projections come from: ema, the moving average of the online network; fixed, its initial weights; " +
      "none, the online network without gradient; shared, the same with gradient",
    "ema for byol, shared for simclr",
  ),
  negatives: flag(
    number({ min: 0 }),
    "weight of the negatives in the loss: 0 is BYOL, 1 is InfoNCE",
    "0 for byol, 1 for simclr",
  ),
  temperature: flag(number({ min: 0, exclusive: true }), "temperature of the negatives", 0.1),
  tau: flag(
    number({ min: 0, max: 1 }),
    "decay rate of the target at the start; 1 freezes the target",
    `${perData("tau")}; 1 if fixed`,
  ),
  tauSchedule: flag(choice("cosine", "constant"), "raise tau to 1 along a cosine, or keep it", "cosine"),
  targetInit: flag(
    choice("copy", "independent"),
    "start the target as a copy of the online network, or from its own draw",
    "copy",
  ),
};

const optimization = {
  optimizer: flag(choice("sgd", "lars"), "SGD with momentum, or LARS", perData("optimizer")),
  lr: flag(
    number({ min: 0, exclusive: true }),
    "peak learning rate, not scaled by the batch",
    "batch × accumulate / 256 × --base-lr",
  ),
  baseLr: flag(
    number({ min: 0, exclusive: true }),
    "peak learning rate per 256 images of a step",
    `${lars.lr.other} for lars, ${sgd.lr.other} for sgd, ${sgd.lr.shapes} for sgd on shapes`,
  ),
  trust: flag(number({ min: 0, exclusive: true }), "trust coefficient of lars", lars.trust),
  larsClip: flag(toggle(), "limit the rate that lars gives a parameter to the learning rate", "off"),
  weightDecay: flag(
    number({ min: 0 }),
    "weight decay of all but biases and batch normalization",
    `${lars.weightDecay.toExponential()} for lars, ${sgd.weightDecay.toExponential()} for sgd`,
  ),
  momentum: flag(number({ min: 0, max: 0.9999 }), "momentum of the optimizer", 0.9),
  warmup: flag(
    number({ min: 0, max: 1 }),
    "fraction of the run in which the learning rate rises, before it falls to 0 along a cosine",
    0.1,
  ),
  batch: flag(integer({ min: 2, max: 65536 }), "images that pass together", perData("batch")),
  accumulate: flag(
    integer({ min: 1, max: 65536 }),
    "batches whose gradients are averaged for a step",
    1,
  ),
  epochs: flag(
    integer({ min: 1 }),
    "passes over the data",
    `${other.length.epochs}; for shapes, as many steps as take ${shapes.length.samples} images`,
  ),
  steps: flag(integer({ min: 1 }), "steps to train, in place of --epochs", "as --epochs says"),
  seed: flag(
    integer({ min: 0, max: 2 ** 32 - 1 }),
    "seed of every random draw: equal seeds give equal runs",
    0,
  ),
};

const machine = {
  kernels: flag(
    choice("auto", "default", "matrix", "subgroup8", "blocked", "tiled"),
    "auto times the kernels on first use and remembers the fastest; default takes the default ones; the others pin a " +
      "family",
    "auto",
  ),
  precision: flag(
    choice("f32", "mixed"),
    "mixed computes with float16 activations, gradients of these and copies of the weights, in half the memory; needs an " +
      "adapter with float16",
    "f32",
  ),
  lossScale: flag(
    powerOfTwoOr("dynamic", { max: 2 ** 24 }),
    "with --precision mixed, the factor of the loss that keeps small gradients: a power of two, or dynamic: halved after a " +
      "step that overflows, which is skipped, and doubled after 2,000 that do not",
    "dynamic",
  ),
  recompute: flag(
    choice("auto", "always", "never"),
    "recompute cheap activations in the backward pass instead of keeping them: about half the memory, a few percent " +
      "slower; auto: only above 8 GiB, on a software adapter 2 GiB",
    "auto",
  ),
};

const output = {
  out: flag(text("DIR"), "folder for the files of the run", "runs/<data>-<backbone>"),
  checkpointEvery: flag(integer({ min: 1 }), "steps between checkpoints", perData("checkpointEvery")),
  keep: flag(integer({ min: 1 }), "checkpoints to keep, the latest", 3),
  evalEvery: flag(
    integer({ min: 0 }),
    "epochs between evaluations on held-out images, in evaluations.jsonl; 0: at the end only",
    "so that there are about 20",
  ),
  logEvery: flag(integer({ min: 1 }), "steps between lines of metrics.jsonl", 10),
  tensorboard: flag(
    toggle(),
    "also write metrics, views, nearest neighbors and embeddings for TensorBoard, to DIR/tensorboard",
    "off",
  ),
  stopOnCollapse: flag(
    toggle(),
    "end a run whose projections have collapsed to one point, with exit code 3, instead of warning",
    "off",
  ),
};

/** The options by their headings in `--help`. */
export const trainFlagGroups = { data, network, method: { ...method, ...optimization }, machine, output };

/** All of them, by name. */
export const trainFlags = {
  ...data,
  ...network,
  ...method,
  ...optimization,
  ...machine,
  ...output,
} satisfies Record<
  OptionName,
  Flag<unknown>
>;

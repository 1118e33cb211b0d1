/**
 * The options of src/cli/evaluate.ts, as data. An option's flag is its name in kebab case.
 *
 * @module
 */
import { viewSizes } from "../../data/views/recipe.ts";
import { checkBackbone, expectFlags, isImageSource } from "./check_options.ts";
import { checkSource } from "./check_source.ts";
import { type Flag, flag, repeatable } from "./flag.ts";
import { choice, integer, number, numbers, splitName, text, toggle } from "./option_types.ts";
import { trainFlags } from "./train_flags.ts";

const { workers, kernels } = trainFlags;

/** What a file or an option may say of an encoder: its first layers, its images, and their pixels, 0 … 1 before that. */
export const encoderFields = {
  stem: trainFlags.stem.type,
  size: integer(viewSizes),
  stretch: trainFlags.stretch.type,
  mean: numbers(3, { min: 0, max: 1 }),
  std: numbers(3, { min: 0, max: 1, exclusive: true }),
} as const;

/** Which encoder is used. */
export const encoderFlags = {
  run: flag(text("DIR"), "folder of a run: its encoder, its data and its held-out images", "none"),
  encoder: flag(
    text("FILE|URL"),
    "encoder weights under torchvision's names: safetensors or PyTorch's .pth; a file, https:// or hf://OWNER/NAME",
    "the run's",
  ),
  backbone: flag(trainFlags.backbone.type, "backbone of these weights", "as the file says"),
  stem: flag(encoderFields.stem, "its first layers", "as the file says"),
  size: flag(encoderFields.size, "side of its images in pixels", "as the file says"),
  mean: flag(encoderFields.mean, "subtracted from red, green and blue, 0 … 1", "as the file says"),
  std: flag(encoderFields.std, "divides red, green and blue, above 0 and at most 1", "as the file says"),
  stretch: flag(encoderFields.stretch, trainFlags.stretch.about, "as the file says"),
};

/** How features are computed. */
export const computing = {
  kernels,
  precision: flag(
    trainFlags.precision.type,
    "mixed computes features with float16 activations and weights, in half the memory; needs an adapter with float16",
    "f32",
  ),
};

const data = {
  data: repeatable(
    text("SOURCE"),
    "labeled images to learn from and to test on: its training and its test split, or a fifth held out; with --run the " +
      "run's images, where they are now",
    "the run's",
  ),
  split: flag(
    splitName(),
    "test on this split of --data, or of the run's data",
    "test, else validation; of a run what it held out",
  ),
  label: trainFlags.label,
  train: repeatable(
    text("SOURCE"),
    "labeled images to learn from, as --data of train.ts; several are joined",
    "the run's",
  ),
  test: repeatable(text("SOURCE"), "labeled images to test on", "those the run held out"),
  labels: flag(
    number({ min: 0, max: 1, exclusive: true }),
    "fraction of the labels to learn from, equally many per class",
    1,
  ),
  minSide: flag(
    trainFlags.minSide.type,
    "leave out images whose short side has fewer pixels",
    "the run's, or 1",
  ),
  workers,
};

const protocol = {
  k: repeatable(
    integer({ min: 1 }),
    "number of neighbors for kNN; may be given several times",
    "20 and 200",
  ),
  temperature: flag(
    number({ min: 0, exclusive: true }),
    "temperature T of the neighbors' votes, exp(cosine / T)",
    0.1,
  ),
  probeViews: flag(
    choice("cached", "crop", "none"),
    "the linear classifier learns from features of the plain images, computed once; of random crops and flips; or is " +
      "left out",
    "cached",
  ),
  probeEpochs: flag(
    integer({ min: 1 }),
    "epochs of the linear classifier",
    "20 crop; cached 100 to 400, as many as make 5000 steps",
  ),
  baselines: {
    ...flag(
      toggle(),
      "leave out raw pixels, the untrained encoder and the initial one",
      "they are evaluated",
    ),
    negated: true,
  },
  seed: flag(
    trainFlags.seed.type,
    "seed of the untrained encoder and of all random draws",
    "the run's, or 0",
  ),
};

const finetuning = {
  finetune: flag(toggle(), "also train the encoder itself on the labels, with a classifier on top", "off"),
  finetuneEpochs: flag(integer({ min: 1 }), "epochs", 30),
  finetuneLr: flag(
    number({ min: 0, exclusive: true }),
    "peak learning rate at a batch of 256",
    "the best on a held-back fifth of the training images",
  ),
};

const output = {
  out: flag(text("DIR"), "folder for evaluation.json and the pictures", "the run's, else evaluation"),
  map: flag(
    toggle(),
    "also draw the test features on a plane: map_pca.svg, map_umap.svg and the same …_untrained.svg",
    "off",
  ),
  ...computing,
};

/** The options by their headings in `--help`. */
export const evaluateFlagGroups = {
  encoder: encoderFlags,
  data,
  protocol,
  "fine-tuning": finetuning,
  output,
};

const flags = { ...encoderFlags, ...data, ...protocol, ...finetuning, ...output };

/** Options that are checked by their types alone. */
const callbacks = ["draw", "log", "onDownload", "signal"];

/** The options given on the command line. */
export type EvaluateFlags = {
  [K in keyof typeof flags]?: typeof flags[K] extends Flag<infer T> ? T : never;
};

/** Refuses unknown options and values out of range. */
export function expectEvaluateOptions(given: object): void {
  const { map: _, ...known } = flags; // a program passes `draw` instead
  const ofSource = (value: unknown) => isImageSource(value as never) && Boolean(checkSource(value));
  const checks = { backbone: checkBackbone, data: ofSource, train: ofSource, test: ofSource };
  expectFlags(given, { flags: known, unchecked: callbacks, checks });
}

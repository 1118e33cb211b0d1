/**
 * The options of a pre-training run, as a program gives them.
 *
 * @module
 */
import type { Precision } from "../nn/parameters.ts";
import type { TakingOrder } from "../../data/divide.ts";
import type { SplitName } from "../../data/sources/survey.ts";
import type { ImageSource } from "../../data/sources/types.ts";
import type { Recipe, Stretch } from "../../data/views/recipe.ts";
import type { Stem } from "../nn/backbones.ts";
import type { Backbone } from "./backbone.ts";
import type { PretrainCallbacks } from "./callbacks.ts";

/** The method whose parts are the defaults of `predictor`, `target` and `negatives`. */
export type Method = "byol" | "simclr";

/**
 * Where the target projections come from: the moving average of the online network (`ema`), a network that keeps its
 * initial weights (`fixed`), the online network without gradient (`none`) or with gradient (`shared`).
 */
export type TargetKind = "ema" | "fixed" | "none" | "shared";

/**
 * How kernels are chosen: `auto` times the variants on first use and remembers the fastest, `default` takes each
 * kernel's default variant, the others pin a family. `matrix` is for matrix units, which multiply float16 only.
 */
export type KernelSelection = "auto" | "default" | "matrix" | "subgroup8" | "blocked" | "tiled";

/**
 * The options of `pretrain()`. All are optional: the default is given with each, "shapes" being the built-in data set.
 * Options of the command line have the same names in kebab case.
 */
export interface PretrainOptions extends PretrainCallbacks {
  /**
   * The images: `"shapes"` (built in) or `"shapes:N"`, a folder, WebDataset shards, Parquet, zip or CIFAR files, a
   * pattern of files, an http(s) URL of shards; several are joined. Or a source of the program's own, which stays open:
   * whoever made it closes it. Default: `"shapes"`.
   */
  data?: string | string[] | ImageSource;
  /** The split to read, where names of files or folders tell of splits. Default: the training split. */
  split?: SplitName;
  /** The column of the labels, in Parquet files and lists. Default: the one that is usually called so. */
  label?: string;
  /** Number of images to train on. Default: all but those held out. */
  limit?: number;
  /**
   * Number of images to hold out for evaluation, or their share between 0 and 1. Default: 1,000 for shapes, otherwise a
   * tenth of the images, at most 1,000, if their number is known. They need no labels.
   */
  holdout?: number;
  /**
   * How `holdout` and `limit` take images: drawn by the seed, each class in its share where labels are known beforehand
   * (`mixed`), or as they lie, the first to train on and the next held out (`source`). Default: `"mixed"`.
   */
  order?: TakingOrder;
  /** Side of a view in pixels, 8 … 512. Default: the recipe's. */
  size?: number;
  /**
   * How views are drawn: the name of a built-in recipe (byol, simclr, cifar, shapes, none), the path of a JSON file, or a
   * recipe itself. Default: shapes for shapes, otherwise cifar up to 64 px and byol above.
   */
  recipe?: string | Recipe;
  /**
   * How the contrast of each image is stretched when it is decoded: `"percentile"` makes the 1st percentile of its samples
   * black and the 99th white. Default: the recipe's, else `"none"`.
   */
  stretch?: Stretch | "none";
  /** Where views are computed from decoded images. Default: `"gpu"`. */
  augment?: "gpu" | "cpu";
  /**
   * Short side in pixels to which larger images are reduced when decoded for training. Default: the size at which the recipe's
   * smallest crop still has the pixels of a view.
   */
  decodeSize?: number;
  /** Images with a shorter side, in pixels, are left out; others are enlarged if smaller than a view. Default: 1. */
  minSide?: number;
  /** Where decoded images are kept for later epochs, as far as there is room. Default: `"none"`. */
  cache?: "memory" | "disk" | "none";
  /** What happens at an unreadable image: it is skipped, ends the run, or another one takes its place. Default: `"skip"`. */
  onBadImage?: "skip" | "error" | "substitute";
  /** Number of bad images above which the run ends. Default: a tenth of the images, at least 10. */
  maxBad?: number;
  /** Number of Workers that decode images; the batches do not depend on it. Default: one per core, at most 8. */
  workers?: number;

  /** The backbone: a name, or a ResNet or ConvNeXt described by block, layers and widths. Default: resnet8 for shapes, otherwise resnet18. */
  backbone?: Backbone;
  /**
   * The backbone's first layers: 3×3 for small images, or 7×7 with stride 2 and max pooling; of a ConvNeXt patches of 2×2, or
   * 4×4. Default: cifar up to 64 px.
   */
  stem?: Stem;
  /**
   * Weights to start from, in place of drawn ones: safetensors or PyTorch's (.pth) under torchvision's names, in a file or at
   * an address (https://, or hf://OWNER/NAME of a Hugging Face hub), or the folder of a run. Backbone, stem, mean and std are
   * then those of the weights. Default: none.
   */
  init?: string;
  /** Hidden width of projector and predictor, a multiple of 4. Default: 512 for shapes, otherwise 4096. */
  hidden?: number;
  /** Output width of projector and predictor, a multiple of 4. Default: 128 for shapes, otherwise 256. */
  projection?: number;

  /** A set of options by the name of a preset or the path of a JSON file; options given beside it win. Default: none. */
  preset?: string;
  /** The method whose parts are the defaults of `predictor`, `target` and `negatives`. Default: `"byol"`. */
  method?: Method;
  /** Whether the online network has a predictor. Default: true for byol, false for simclr. */
  predictor?: boolean;
  /** Where the target projections come from. Default: `"ema"` for byol, `"shared"` for simclr. */
  target?: TargetKind;
  /** Weight of the negatives in the loss: 0 is BYOL, 1 is InfoNCE. Default: 0 for byol, 1 for simclr. */
  negatives?: number;
  /** Temperature of the negatives. Default: 0.1. */
  temperature?: number;
  /** Decay rate of the target network at the first step, 0 … 1. Default: 0.95 for shapes, otherwise 0.99. */
  tau?: number;
  /** Whether `tau` rises to 1 along a cosine or stays. Default: `"cosine"`. */
  tauSchedule?: "cosine" | "constant";
  /** Whether the target network starts as a copy of the online network or from its own draw. Default: `"copy"`. */
  targetInit?: "copy" | "independent";

  /** The optimizer, SGD with momentum or LARS. Default: sgd for shapes, otherwise lars. */
  optimizer?: "sgd" | "lars";
  /** Peak learning rate, not scaled by the batch. Default: batch × accumulate / 256 × `baseLr`. */
  lr?: number;
  /** Peak learning rate per 256 images of a step. Default: 0.45 for lars, 0.12 for sgd, 1.2 for sgd on shapes. */
  baseLr?: number;
  /** Trust coefficient of LARS. Default: 0.001. */
  trust?: number;
  /** Whether LARS limits the rate of each parameter to `lr`. Default: false. */
  larsClip?: boolean;
  /** Weight decay of all parameters but biases and batch normalization. Default: 1e-6 for lars, 5e-4 for sgd. */
  weightDecay?: number;
  /** Momentum of the optimizer. Default: 0.9. */
  momentum?: number;
  /** Fraction of the run in which the learning rate rises linearly, before it falls along a cosine. Default: 0.1. */
  warmup?: number;
  /** Number of images that pass through the network together. Default: 64 for shapes, otherwise 128. */
  batch?: number;
  /** Number of batches whose gradients are averaged for one step. Default: 1. */
  accumulate?: number;
  /** Number of passes over the data. Default: 100; for shapes, as many steps as take 12,800 images. */
  epochs?: number;
  /** Number of steps, in place of `epochs`. */
  steps?: number;
  /** Seed of every random draw, 0 … 2³² − 1: equal seeds give equal runs on one adapter. Default: 0. */
  seed?: number;

  /** How kernels are chosen. Default: `"auto"`. */
  kernels?: KernelSelection;
  /**
   * What is float16. `"mixed"`: activations, their gradients and the weights that products read, for about half the memory and
   * half the memory traffic; sums, statistics, losses and the weights themselves stay float32. Needs an adapter with float16.
   * Default: `"f32"`.
   */
  precision?: Precision;
  /**
   * With `precision: "mixed"`, the factor of the loss that keeps small gradients: a power of two from 1 to 2²⁴, or `"dynamic"`:
   * halved after a step whose gradients overflow, which is skipped, and doubled after 2,000 that do not. Default: `"dynamic"`.
   */
  lossScale?: number | "dynamic";
  /**
   * Whether cheap activations are recomputed in the backward pass instead of kept: about half the memory, a few percent
   * slower. `"auto"` does so only above 8 GiB, on a software adapter 2 GiB. Default: `"auto"`.
   */
  recompute?: "auto" | "always" | "never";

  /** Folder for the files of the run. Default: `runs/<data>-<backbone>`, with a number where that is taken. */
  out?: string;
  /** Number of steps between checkpoints. Default: 100 for shapes, otherwise 1000. */
  checkpointEvery?: number;
  /** Number of checkpoints to keep, the latest. Default: 3. */
  keep?: number;
  /**
   * Number of epochs between evaluations on held-out images; 0: only after the last step. Default: so many that there
   * are about 20 evaluations, at least 1; 0 for images of unknown number.
   */
  evalEvery?: number;
  /** Number of steps between records of metrics.jsonl. Default: 10. */
  logEvery?: number;
  /** Whether event files for TensorBoard are written, to the folder `tensorboard` in `out`. Default: false. */
  tensorboard?: boolean;
  /** Whether a collapse ends the run with a `CollapseError` instead of a warning. Default: false. */
  stopOnCollapse?: boolean;
}

/** The names of the options that are values, not callbacks. */
export type OptionName = Exclude<keyof PretrainOptions, keyof PretrainCallbacks>;

/** The options without callbacks: what a command line or a preset can say. */
export type PretrainSettings = Pick<PretrainOptions, OptionName>;

/** The options of `resume()`. */
export interface ResumeOptions extends PretrainOptions {
  /** The folder is the first argument of `resume()`. */
  out?: never;
  /** Go on even if the data has changed since the run began. Default: false. */
  allowChangedData?: boolean;
}

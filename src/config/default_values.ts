/**
 * The defaults of a run, as values.
 *
 * The built-in data set trains in minutes on two CPU cores. Other data gets a ResNet-18 on 32 px views, which fits every
 * adapter; `--size 224` or `--recipe byol` is the paper's setting.
 *
 * @module
 */

/** Defaults that depend on the data: the built-in data set, or any other. */
export const defaultsByData = {
  shapes: {
    backbone: "resnet8",
    recipe: "shapes",
    hidden: 512,
    projection: 128,
    optimizer: "sgd",
    tau: 0.95,
    batch: 64,
    holdout: 1000,
    checkpointEvery: 100,
    length: { samples: 12_800 },
  },
  other: {
    backbone: "resnet18",
    recipe: "cifar",
    hidden: 4096,
    projection: 256,
    optimizer: "lars",
    tau: 0.99,
    batch: 128,
    holdout: null,
    checkpointEvery: 1000,
    length: { epochs: 100 },
  },
} as const;

/** Which of {@linkcode defaultsByData} applies. */
export type DataKind = keyof typeof defaultsByData;

/** The parts of each method, see `src/byol/objective.ts`. */
export const methods = {
  byol: { predictor: true, target: "ema", negatives: 0, temperature: 0.1 },
  simclr: { predictor: false, target: "shared", negatives: 1, temperature: 0.1 },
} as const;

/** Side in pixels of the images of an encoder with the stem for small ones, if nothing tells it: CIFAR's. */
export const smallSize = 32;

/** Larger views get the ImageNet stem and the paper's recipe. */
export const largestSmallSize = 64;

/** The most images that are held out by default; otherwise a tenth. */
export const maxHoldout = 1000;

/** More Workers than this decode faster than most adapters train. */
export const maxWorkers = 8;

/** The default number of decoding Workers: one per core. */
export function defaultWorkers(): number {
  return Math.min(navigator.hardwareConcurrency, maxWorkers);
}

/**
 * Peak learning rate per 256 images, and weight decay. LARS: the paper's values for 100 epochs. SGD: lightly's for
 * CIFAR-10, and a rate found for the built-in data set.
 */
export const optimizerDefaults = {
  lars: { lr: { shapes: 0.45, other: 0.45 }, weightDecay: 1e-6, trust: 1e-3 },
  sgd: { lr: { shapes: 1.2, other: 0.12 }, weightDecay: 5e-4 },
} as const;

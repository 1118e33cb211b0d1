/**
 * The sizes of experiments.
 *
 * @module
 */
import { type Recipe, recipes } from "../../../data/views/recipe.ts";
import type { Scale, ScaleName } from "../experiment.ts";

/**
 * `recipe` with blur on as many views as in the paper, so that there is a blur to remove, but half as strong: it would
 * erase views of 24 or 32 pixels.
 */
function blurred(recipe: Recipe): Recipe {
  const [first, second] = recipe.views, sigma = [.1, 1] as const;
  return {
    ...recipe,
    name: `${recipe.name}-blur`,
    views: [{ ...first, blur: { p: 1, sigma } }, { ...second, blur: { p: .1, sigma } }],
  };
}

/** A network and views small enough for two CPU cores. */
const small = {
  backbone: "resnet8",
  size: 24,
  hidden: 512,
  projection: 128,
  batch: 64,
  optimizer: "sgd",
  checkpointEvery: 100,
} as const;

export const scales: { readonly [name in ScaleName]: Scale } = {
  quick: {
    name: "quick",
    about: "the built-in shapes and a small network; within 90 minutes on two CPU cores",
    options: { ...small, data: "shapes:4000", limit: 3000, holdout: 1000, steps: 240, tau: .95, lr: .15 },
    // The better of .3 and .9, as .15 is the best of .15, .3 and .6 for BYOL.
    simclr: { lr: .9 },
    recipe: blurred(recipes.shapes),
    batches: { total: 64, parts: [64, 32, 16, 8], plain: [] },
    projections: [8, 32, 128, 512],
    seeds: 3,
  },
  cifar: {
    name: "cifar",
    about: "10,000 images of CIFAR-10 (--data) and a small network; two hours on two CPU cores",
    options: { ...small, limit: 10_000, holdout: 2000, epochs: 3, tau: .95, lr: .15 },
    // The better of .3 and .9, by a small margin. BYOL's rate is that of the scale quick.
    simclr: { lr: .3 },
    recipe: blurred(recipes.cifar),
    batches: { total: 512, parts: [512, 256, 128, 64, 32], plain: [512, 256, 128, 64, 32] },
    projections: [8, 32, 128, 512],
    seeds: 3,
  },
  full: {
    name: "full",
    about: "a ResNet-18 on images of 32 px (--data), for a discrete GPU",
    options: {
      backbone: "resnet18",
      size: 32,
      hidden: 4096,
      projection: 256,
      batch: 512,
      optimizer: "lars",
      epochs: 100,
      tau: .99,
      lr: .9,
    },
    // Not tuned: no discrete GPU has run it yet.
    simclr: {},
    recipe: blurred(recipes.cifar),
    batches: { total: 512, parts: [512, 256, 128, 64, 32], plain: [512, 256, 128, 64, 32] },
    projections: [16, 32, 64, 128, 256, 512],
    seeds: 3,
  },
};

/**
 * View distributions as data: what the two views of an image are drawn from, and how they are normalised.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";

/** A closed interval [low, high]. */
export type Range = readonly [number, number];

/**
 * The distribution of one view: T or T' of the paper (appendix B). An operation that is left out does not apply. Those
 * that are there apply in the order of the fields, whatever the order in which they are written.
 */
export interface ViewRecipe {
  /**
   * Random resized crop: its share of the image's area, uniform, and its ratio width ÷ height, log-uniform. Left out,
   * the short side is resized to the view's and the middle square kept.
   */
  readonly crop?: { readonly area: Range; readonly ratio: Range };
  /** Probability of a horizontal flip. */
  readonly flip?: number;
  /** Colour jitter: its probability, and how far from neutral each factor may lie; of hue in turns. */
  readonly jitter?: {
    readonly p: number;
    readonly brightness: number;
    readonly contrast: number;
    readonly saturation: number;
    readonly hue: number;
  };
  /** Probability of dropping colour. */
  readonly grayscale?: number;
  /** Gaussian blur: its probability, its σ in pixels, uniform, and its odd number of taps, else as `blurTaps` says. */
  readonly blur?: { readonly p: number; readonly sigma: Range; readonly taps?: number };
  /** Solarize: its probability, and the threshold on [0, 1] from which values are inverted. */
  readonly solarize?: { readonly p: number; readonly threshold: number };
}

/** Three values, for red, green and blue. */
export type Rgb = readonly [number, number, number];

/** How the images of a data set become pairs of views. */
export interface Recipe {
  readonly name: string;
  /** T and T'. */
  readonly views: readonly [ViewRecipe, ViewRecipe];
  /** Subtracted from each channel, on the scale [0, 1]. */
  readonly mean: Rgb;
  /** Divides each channel, on the scale [0, 1]. */
  readonly std: Rgb;
  /** The usual size of a view, pixels. */
  readonly size: number;
}

/** Which sizes a view may have, pixels. */
export const viewSizes = { min: 8, max: 512 } as const;

/** The usual ratios of a crop, width ÷ height. */
export const usualRatio: Range = [3 / 4, 4 / 3];

/** Mean and standard deviation of ImageNet's pixels, and the usual size there. */
export const imagenet = {
  mean: [.485, .456, .406],
  std: [.229, .224, .225],
  size: 224,
} as const satisfies Partial<Recipe>;

/** What the paper's two distributions share. */
const paper = {
  crop: { area: [.08, 1], ratio: usualRatio },
  flip: .5,
  jitter: { p: .8, brightness: .4, contrast: .4, saturation: .2, hue: .1 },
  grayscale: .2,
} satisfies ViewRecipe;

const often = { p: 1, sigma: [.1, 2] } satisfies ViewRecipe["blur"];
const rarely = { p: .1, sigma: [.1, 2] } satisfies ViewRecipe["blur"];
const solarized = { p: .2, threshold: .5 };

/** Chen et al. 2020, appendix A: one distribution for both views, with stronger colours. */
const contrastive = {
  ...paper,
  jitter: { p: .8, brightness: .8, contrast: .8, saturation: .8, hue: .2 },
  blur: { p: .5, sigma: [.1, 2] },
} satisfies ViewRecipe;

/** For `shapes`: a crop keeps enough of the figure to tell its class. */
const figure = { ...paper, crop: { area: [.3, 1], ratio: usualRatio } } satisfies ViewRecipe;

/** The names of the built-in recipes. */
export type RecipeName = "byol" | "simclr" | "cifar" | "shapes" | "none";

/** The recipes by name. */
export const recipes: { readonly [name in RecipeName]: Recipe } = {
  byol: {
    name: "byol",
    views: [{ ...paper, blur: often }, { ...paper, blur: rarely, solarize: solarized }],
    ...imagenet,
  },
  simclr: { name: "simclr", views: [contrastive, contrastive], ...imagenet },
  // The CIFAR recipe of solo-learn: the paper's without blur, which 3 taps at 32 px would hardly show.
  cifar: {
    name: "cifar",
    views: [paper, { ...paper, solarize: solarized }],
    mean: [.4914, .4822, .4465],
    std: [.2470, .2435, .2616],
    size: 32,
  },
  shapes: {
    name: "shapes",
    views: [figure, { ...figure, solarize: solarized }],
    mean: [.21, .21, .21],
    std: [.25, .25, .25],
    size: 32,
  },
  // Both views are the middle of the image: what the augmentations are worth shows without them.
  none: { name: "none", views: [{}, {}], ...imagenet },
};

/** Whether there is a built-in recipe called `name`. */
export function isRecipeName(name: string): name is RecipeName {
  return Object.hasOwn(recipes, name);
}

/** The recipe called `name`; throws a UserError that names the known ones. */
export function recipeByName(name: string): Recipe {
  if (isRecipeName(name)) return recipes[name];
  const known = Object.keys(recipes).join(", ");
  throw new UserError(
    `Cannot choose the augmentations: recipe must be one of ${known}: current one is ${name}`,
  );
}

/**
 * The short side of images whose smallest crop under `recipe` has no fewer pixels than a view of `size`: what more an image
 * has, no view would show.
 */
export function usualDecodeSize({ views }: Recipe, size: number): number {
  const area = Math.min(...views.map(({ crop }) => crop?.area[0] ?? 1));
  return Math.min(MOST_DECODED, Math.ceil(size / Math.sqrt(area)));
}

/** Recipes may allow crops of next to nothing: images are not kept larger than this for them. */
const MOST_DECODED = 4096;

/**
 * Recipes: the distributions of the two views of an image, and their normalization, as data.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";

/** How the contrast of an image is stretched when it is decoded. */
export type Stretch = "percentile";

/** The ways to stretch contrast. */
export const stretches: readonly Stretch[] = ["percentile"];

/** A closed interval [low, high]. */
export type Range = readonly [number, number];

/**
 * The distribution of one view: T or T' of the paper (appendix B). An operation that is left out does not apply. The others
 * apply in the order of these fields, in whichever order they are written.
 */
export interface ViewRecipe {
  /**
   * Random resized crop: the range of its share of the image's area, drawn uniformly, and of its ratio width ÷ height, drawn
   * log-uniformly. Without it, the short side is resized to the view's and the center square is kept.
   */
  readonly crop?: { readonly area: Range; readonly ratio: Range };
  /** Probability of a horizontal flip. */
  readonly flip?: number;
  /** Color jitter: its probability, and the largest distance of each factor from neutral; of hue in turns. */
  readonly jitter?: {
    readonly p: number;
    readonly brightness: number;
    readonly contrast: number;
    readonly saturation: number;
    readonly hue: number;
  };
  /** Probability of removing color. */
  readonly grayscale?: number;
  /** Gaussian blur: its probability, the range of σ in pixels, and its odd kernel size; by default a tenth of the view. */
  readonly blur?: { readonly p: number; readonly sigma: Range; readonly kernelSize?: number };
  /** Solarize: its probability, and the threshold in [0, 1] from which values are inverted. */
  readonly solarize?: { readonly p: number; readonly threshold: number };
}

/** Three values, for red, green and blue. */
export type Rgb = readonly [number, number, number];

/** How the images of a data set become pairs of views. */
export interface Recipe {
  /** Its name in messages and reports. */
  readonly name: string;
  /** T and T'. */
  readonly views: readonly [ViewRecipe, ViewRecipe];
  /** Subtracted from each channel, on a scale of 0 to 1. */
  readonly mean: Rgb;
  /** Divides each channel, on a scale of 0 to 1. */
  readonly std: Rgb;
  /** The default size of a view, pixels. */
  readonly size: number;
  /**
   * How contrast is stretched when an image is decoded: "percentile" makes the 1st percentile of its samples black and the
   * 99th white. Left out, samples are shown as they are.
   */
  readonly stretch?: Stretch;
}

/** The smallest and the largest size of a view, pixels. */
export const viewSizes = { min: 8, max: 512 } as const;

/** The default range of a crop's ratio, width ÷ height. */
export const defaultRatio: Range = [3 / 4, 4 / 3];

/** Mean and standard deviation of ImageNet's pixels, and its default view size. */
export const imagenet = {
  mean: [.485, .456, .406],
  std: [.229, .224, .225],
  size: 224,
} as const satisfies Partial<Recipe>;

/** What the paper's two distributions have in common. */
const paper = {
  crop: { area: [.08, 1], ratio: defaultRatio },
  flip: .5,
  jitter: { p: .8, brightness: .4, contrast: .4, saturation: .2, hue: .1 },
  grayscale: .2,
} satisfies ViewRecipe;

const often = { p: 1, sigma: [.1, 2] } satisfies ViewRecipe["blur"];
const rarely = { p: .1, sigma: [.1, 2] } satisfies ViewRecipe["blur"];
const solarized = { p: .2, threshold: .5 };

/** Chen et al. 2020, appendix A: one distribution for both views, with stronger color jitter. */
const contrastive = {
  ...paper,
  jitter: { p: .8, brightness: .8, contrast: .8, saturation: .8, hue: .2 },
  blur: { p: .5, sigma: [.1, 2] },
} satisfies ViewRecipe;

/** For `shapes`: a crop keeps enough of the shape to tell its class. */
const figure = { ...paper, crop: { area: [.3, 1], ratio: defaultRatio } } satisfies ViewRecipe;

/** The names of the built-in recipes. */
export type RecipeName = "byol" | "simclr" | "cifar" | "shapes" | "none";

/** The built-in recipes by name. */
export const recipes: { readonly [name in RecipeName]: Recipe } = {
  byol: {
    name: "byol",
    views: [{ ...paper, blur: often }, { ...paper, blur: rarely, solarize: solarized }],
    ...imagenet,
  },
  simclr: { name: "simclr", views: [contrastive, contrastive], ...imagenet },
  // The CIFAR recipe of solo-learn: the paper's without blur, which a kernel of 3 at 32 px would hardly show.
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
  // Both views are the center of the image, to show what the augmentations contribute.
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
    `Cannot use the recipe "${name}": there is no built-in recipe of this name. Choose one of ${known}.`,
  );
}

/**
 * The short side at which the smallest crop of `recipe` has as many pixels as a view of `size`. More pixels of an image would
 * not be seen in any view.
 */
export function defaultDecodeSize({ views }: Recipe, size: number): number {
  const area = Math.min(...views.map(({ crop }) => crop?.area[0] ?? 1));
  return Math.min(MAX_DECODE_SIZE, Math.ceil(size / Math.sqrt(area)));
}

/** A recipe may allow tiny crops; larger images are not kept for them. */
const MAX_DECODE_SIZE = 4096;

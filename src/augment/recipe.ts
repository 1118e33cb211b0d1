/**
 * View distributions as data: what the two views of an image are drawn from, and how they are normalised.
 *
 * @module
 */
import { UserError } from "../errors.ts";

/** A closed interval [low, high]. */
export type Range = readonly [number, number];

/** The distribution of one view: T or T' of the paper (appendix B). Operations apply in the order of the fields. */
export interface ViewRecipe {
  /** Random resized crop: its share of the image's area, uniform, and its ratio width ÷ height, log-uniform. */
  readonly crop: { readonly area: Range; readonly ratio: Range };
  /** Probability of a horizontal flip. */
  readonly flip: number;
  /** Colour jitter: its probability, and how far from neutral each factor may lie. */
  readonly jitter: {
    readonly p: number;
    readonly brightness: number;
    readonly contrast: number;
    readonly saturation: number;
    readonly hue: number;
  };
  /** Probability of dropping colour. */
  readonly grayscale: number;
  /** Gaussian blur: its probability and its σ in pixels, uniform. */
  readonly blur: { readonly p: number; readonly sigma: Range };
  /** Solarize: its probability, and the threshold on [0, 1] from which values are inverted. */
  readonly solarize: { readonly p: number; readonly threshold: number };
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

/** What the paper's two distributions share. */
const paper = {
  crop: { area: [.08, 1], ratio: [3 / 4, 4 / 3] },
  flip: .5,
  jitter: { p: .8, brightness: .4, contrast: .4, saturation: .2, hue: .1 },
  grayscale: .2,
  blur: { p: 1, sigma: [.1, 2] },
  solarize: { p: 0, threshold: .5 },
} satisfies ViewRecipe;

/** The CIFAR recipe of solo-learn: the paper's without blur, which 3 taps at 32 px would hardly show. */
const small = { ...paper, blur: { p: 0, sigma: [.1, 2] } } satisfies ViewRecipe;

/** For `shapes`: a crop keeps enough of the figure to tell its class. */
const figure = { ...small, crop: { area: [.3, 1], ratio: [3 / 4, 4 / 3] } } satisfies ViewRecipe;

const solarized = { p: .2, threshold: .5 };

/** The recipes by name. */
export const recipes: { readonly [name in "byol" | "cifar" | "shapes"]: Recipe } = {
  byol: {
    name: "byol",
    views: [paper, { ...paper, blur: { p: .1, sigma: [.1, 2] }, solarize: solarized }],
    mean: [.485, .456, .406],
    std: [.229, .224, .225],
    size: 224,
  },
  cifar: {
    name: "cifar",
    views: [small, { ...small, solarize: solarized }],
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
};

/** The recipe called `name`; throws a UserError that names the known ones. */
export function recipeByName(name: string): Recipe {
  if (Object.hasOwn(recipes, name)) return recipes[name as keyof typeof recipes];
  const known = Object.keys(recipes).join(", ");
  throw new UserError(
    `Cannot choose the augmentations: recipe must be one of ${known}: current one is ${name}`,
  );
}

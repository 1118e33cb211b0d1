/**
 * Draws the parameters of a view. Applying them is separate: the CPU and the GPU version use the same parameters.
 *
 * @module
 */
import { permutation, type Random } from "../../src/base/random.ts";
import type { Range, ViewRecipe } from "./recipe.ts";

/** A rectangle of pixels. */
export interface Box {
  /** The first row. */
  top: number;
  /** The first column. */
  left: number;
  /** Rows. */
  height: number;
  /** Columns. */
  width: number;
}

/** The color operations of a jitter, numbered as in torchvision. */
export const jitterOperations = ["brightness", "contrast", "saturation", "hue"] as const;

/** The parameters of one view of one image, as plain data. Operations apply in the order of the fields. */
export interface ViewParameters {
  /** The part of the image that is resized. */
  crop: Box;
  /** The size that the crop is resized to, and where the view of size × size lies in it; null if the view is all of it. */
  resized: Box | null;
  /** Whether the view is mirrored horizontally. */
  flip: boolean;
  /** `order` is a permutation of the indices of {@linkcode jitterOperations}; hue in turns, the others as factors. */
  jitter:
    | { order: number[]; brightness: number; contrast: number; saturation: number; hue: number }
    | null;
  /** Whether color is removed. */
  grayscale: boolean;
  /** σ in pixels, and the odd size of the kernel in pixels. */
  blur: { sigma: number; kernelSize: number } | null;
  /** Values from the threshold on, in [0, 1], are inverted. */
  solarize: { threshold: number } | null;
}

/** Sizes in pixels, of the image and of its square view. */
export interface ViewSizes {
  /** Columns of the image. */
  width: number;
  /** Rows of the image. */
  height: number;
  /** Side of the view. */
  size: number;
}

/** Drawn for an operation that a recipe leaves out; it has no effect. */
const absent: Required<Pick<ViewRecipe, "jitter" | "blur" | "solarize">> = {
  jitter: { p: 0, brightness: 0, contrast: 0, saturation: 0, hue: 0 },
  blur: { p: 0, sigma: [0, 0] },
  solarize: { p: 0, threshold: 1 },
};

/**
 * Draws the parameters of one view.
 *
 * Every quantity is drawn whether or not its operation applies, and the crop, which takes a varying number of draws, comes
 * last. So no probability, range or image size shifts the draws of another operation.
 *
 * @param random The generator of this view: `keyedRandom(seed, epoch, index, view)`.
 */
export function drawView(view: ViewRecipe, sizes: ViewSizes, random: Random): ViewParameters {
  const jitterRange = view.jitter ?? absent.jitter, blurRange = view.blur ?? absent.blur;
  const solarize = view.solarize ?? absent.solarize;
  const flip = random.chance(view.flip ?? 0);
  const jittered = random.chance(jitterRange.p);
  const factor = (strength: number) => random.between(Math.max(0, 1 - strength), 1 + strength);
  const jitter = {
    order: Array.from(permutation(4, random)),
    brightness: factor(jitterRange.brightness),
    contrast: factor(jitterRange.contrast),
    saturation: factor(jitterRange.saturation),
    hue: random.between(-jitterRange.hue, jitterRange.hue),
  };
  const grayscale = random.chance(view.grayscale ?? 0);
  const blurred = random.chance(blurRange.p);
  const blur = {
    sigma: random.between(...blurRange.sigma),
    kernelSize: blurRange.kernelSize ?? defaultBlurKernelSize(sizes.size),
  };
  const solarized = random.chance(solarize.p);
  const { crop, resized } = evaluationView(sizes);
  return {
    crop: view.crop ? drawCrop(view.crop, sizes, random) : crop,
    resized: view.crop ? null : resized,
    flip,
    jitter: jittered ? jitter : null,
    grayscale,
    blur: blurred ? blur : null,
    solarize: solarized ? { threshold: solarize.threshold } : null,
  };
}

/**
 * The view for evaluation, as torchvision's Resize(size) and CenterCrop(size): the short side becomes `size`, the long side
 * is truncated to whole pixels, the center square is kept, colors do not change.
 */
export function evaluationView({ width, height, size }: ViewSizes): ViewParameters & { resized: Box } {
  const resizedWidth = width <= height ? size : Math.trunc(size * width / height);
  const resizedHeight = height <= width ? size : Math.trunc(size * height / width);
  return {
    crop: { top: 0, left: 0, height, width },
    resized: {
      top: roundHalfEven((resizedHeight - size) / 2),
      left: roundHalfEven((resizedWidth - size) / 2),
      height: resizedHeight,
      width: resizedWidth,
    },
    flip: false,
    jitter: null,
    grayscale: false,
    blur: null,
    solarize: null,
  };
}

/** The kernel size of the blur for views of `size` pixels: a tenth of it, made odd, at least 3 (23 at 224, 3 at 32). */
export function defaultBlurKernelSize(size: number): number {
  return Math.max(3, 2 * Math.floor(Math.floor(size / 10) / 2) + 1);
}

/** torchvision's RandomResizedCrop.get_params, with its ten tries and its central fallback. */
function drawCrop(crop: NonNullable<ViewRecipe["crop"]>, { width, height }: ViewSizes, random: Random): Box {
  const logRatio: Range = [Math.log(crop.ratio[0]), Math.log(crop.ratio[1])];
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = width * height * random.between(...crop.area);
    const ratio = Math.exp(random.between(...logRatio));
    const w = roundHalfEven(Math.sqrt(area * ratio));
    const h = roundHalfEven(Math.sqrt(area / ratio));
    if (w > 0 && w <= width && h > 0 && h <= height) {
      const top = random.integer(height - h + 1), left = random.integer(width - w + 1);
      return { top, left, height: h, width: w };
    }
  }
  const [low, high] = crop.ratio;
  // At least one pixel, at any ratio.
  const h = width / height < low ? Math.max(1, roundHalfEven(width / low)) : height;
  const w = width / height > high ? Math.max(1, roundHalfEven(height * high)) : width;
  return { top: Math.floor((height - h) / 2), left: Math.floor((width - w) / 2), height: h, width: w };
}

/** Python's round(): halves go to the even neighbor. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== .5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

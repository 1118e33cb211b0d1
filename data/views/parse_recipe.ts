/**
 * Parses recipes from JSON, in the format that the section "Recipes" of docs/views.md describes.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import {
  defaultRatio,
  imagenet,
  type Range,
  type Recipe,
  type Rgb,
  type Stretch,
  stretches,
  type ViewRecipe,
  viewSizes,
} from "./recipe.ts";

/** A value of the recipe, and its name in messages. */
interface Field {
  value: unknown;
  /** Its path, such as `views[0].jitter.p`; empty for the recipe itself. */
  path: string;
  /** The name of the recipe in messages, usually its file. */
  where: string;
}

/** A larger kernel reaches beyond the mirrored borders of the largest view. */
const maxKernelSize = 2 * viewSizes.max - 1;

/**
 * The recipe in `value`, parsed JSON. The result is such a value too, with all defaults filled in.
 *
 * @param where What is being read, usually a path: for messages, and for the name of a recipe that has none.
 * @throws {UserError} if a field is unknown, missing or has an invalid value; names the field.
 *
 * @example
 * ```ts
 * const recipe = parseRecipe({ views: [{ crop: { area: [0.2, 1] }, flip: 0.5 }] }, "photos.json");
 * console.log(recipe.name, recipe.views[1].crop?.ratio); // photos [0.75, 1.3333333333333333]
 * ```
 */
export function parseRecipe(value: unknown, where: string): Recipe {
  const fields = fieldsOf({ value, path: "", where }, ["name", "views", "mean", "std", "size", "stretch"]);
  const name = fields.name.value ?? where.replace(/^.*[/\\]/, "").replace(/\.json$/i, "");
  if (typeof name !== "string" || name === "") throw invalid(fields.name, "a text that is not empty");
  return {
    name,
    views: viewsOf(fields.views),
    mean: optional(fields.mean, imagenet.mean, (field) => rgb(field, share)),
    std: optional(fields.std, imagenet.std, (field) => rgb(field, deviation)),
    size: optional(fields.size, imagenet.size, sizeOf),
    ...(given(fields.stretch) && { stretch: stretchOf(fields.stretch) }),
  };
}

/** Throws a UserError if a blur kernel of `recipe` is larger than a view of `size` pixels with its mirrored borders. */
export function checkBlurFits({ name, views }: Recipe, size: number): void {
  views.forEach(({ blur }, i) => {
    if (blur?.kernelSize === undefined || blur.kernelSize <= 2 * size - 1) return;
    throw new UserError(
      `Cannot make views of ${size} px with the recipe "${name}": views[${i}].blur.kernelSize is ${blur.kernelSize}, more ` +
        `than ${2 * size - 1}. Lower it, or raise the view size.`,
    );
  });
}

function stretchOf(field: Field): Stretch {
  const found = stretches.find((name) => name === field.value);
  if (found === undefined) throw invalid(field, stretches.map((name) => `"${name}"`).join(" or "));
  return found;
}

function viewsOf(field: Field): readonly [ViewRecipe, ViewRecipe] {
  const { value, path, where } = field;
  if (!Array.isArray(value) || value.length < 1 || value.length > 2) {
    throw invalid(field, "a list of two views, or of one view for both");
  }
  const [first, second = first] = value.map((value, i) => viewOf({ value, path: `${path}[${i}]`, where }));
  return [first, second];
}

function viewOf(field: Field): ViewRecipe {
  const { crop, flip, jitter, grayscale, blur, solarize } = fieldsOf(field, [
    "crop",
    "flip",
    "jitter",
    "grayscale",
    "blur",
    "solarize",
  ]);
  // Operations that are left out stay out.
  return {
    ...(given(crop) && { crop: cropOf(crop) }),
    ...(given(flip) && { flip: share(flip) }),
    ...(given(jitter) && { jitter: jitterOf(jitter) }),
    ...(given(grayscale) && { grayscale: share(grayscale) }),
    ...(given(blur) && { blur: blurOf(blur) }),
    ...(given(solarize) && { solarize: solarizeOf(solarize) }),
  };
}

function cropOf(field: Field): NonNullable<ViewRecipe["crop"]> {
  const { area, ratio } = fieldsOf(field, ["area", "ratio"]);
  return {
    area: range(area, { max: 1, above: "0 and at most 1" }),
    ratio: optional(ratio, defaultRatio, (field) => range(field, { max: Infinity, above: "0" })),
  };
}

function jitterOf(field: Field): NonNullable<ViewRecipe["jitter"]> {
  const { p, brightness, contrast, saturation, hue } = fieldsOf(field, [
    "p",
    "brightness",
    "contrast",
    "saturation",
    "hue",
  ]);
  return {
    p: optional(p, 1, share),
    brightness: optional(brightness, 0, strength),
    contrast: optional(contrast, 0, strength),
    saturation: optional(saturation, 0, strength),
    hue: optional(hue, 0, hueStrength),
  };
}

function blurOf(field: Field): NonNullable<ViewRecipe["blur"]> {
  const { p, sigma, kernelSize } = fieldsOf(field, ["p", "sigma", "kernelSize"]);
  return {
    p: optional(p, 1, share),
    sigma: range(sigma, { max: Infinity, above: "0" }),
    ...(given(kernelSize) && { kernelSize: kernelSizeOf(kernelSize) }),
  };
}

function solarizeOf(field: Field): NonNullable<ViewRecipe["solarize"]> {
  const { p, threshold } = fieldsOf(field, ["p", "threshold"]);
  return { p: optional(p, 1, share), threshold: optional(threshold, .5, share) };
}

const share = (field: Field) => number(field, "a number from 0 to 1", (x) => x >= 0 && x <= 1);
const deviation = (field: Field) => number(field, "a number above 0 and at most 1", (x) => x > 0 && x <= 1);
const strength = (field: Field) => number(field, "a number of at least 0", (x) => x >= 0);
const hueStrength = (field: Field) => number(field, "a number from 0 to 0.5", (x) => x >= 0 && x <= .5);
const kernelSizeOf = (field: Field) =>
  number(
    field,
    `an odd integer from 3 to ${maxKernelSize}`,
    (x) => x % 2 === 1 && x >= 3 && x <= maxKernelSize,
  );
const sizeOf = (field: Field) =>
  number(
    field,
    `an integer from ${viewSizes.min} to ${viewSizes.max}`,
    (x) => Number.isInteger(x) && x >= viewSizes.min && x <= viewSizes.max,
  );

function rgb(field: Field, parse: (field: Field) => number): Rgb {
  const { value, path, where } = field;
  if (!Array.isArray(value) || value.length !== 3) throw invalid(field, "three numbers on a scale of 0 to 1");
  const [r, g, b] = value.map((value, i) => parse({ value, path: `${path}[${i}]`, where }));
  return [r, g, b];
}

/** [low, high] with 0 < low ≤ high ≤ `max`; `above` says this in words. */
function range(field: Field, { max, above }: { max: number; above: string }): Range {
  const { value } = field;
  const isRange = Array.isArray(value) && value.length === 2 && value.every(Number.isFinite) &&
    0 < value[0] && value[0] <= value[1] && value[1] <= max;
  if (!isRange) throw invalid(field, `two numbers [low, high] above ${above}, low not above high`);
  return [value[0], value[1]];
}

function number(field: Field, expected: string, suits: (x: number) => boolean): number {
  const { value } = field;
  if (typeof value === "number" && Number.isFinite(value) && suits(value)) return value;
  throw invalid(field, expected);
}

const given = ({ value }: Field) => value !== undefined;

function optional<T>(field: Field, otherwise: T, parse: (field: Field) => T): T {
  return given(field) ? parse(field) : otherwise;
}

/** The fields of an object by name; missing ones are undefined. Throws a UserError for an unknown field. */
function fieldsOf<const N extends string>(field: Field, known: N[]): Record<N, Field> {
  const { value, path, where } = field;
  const list = known.join(", ");
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(field, `an object with some of the fields ${list}`);
  }
  const at = (name: string) => path ? `${path}.${name}` : name;
  const unknown = Object.keys(value).find((name) => !known.includes(name as N));
  if (unknown !== undefined) {
    throw new UserError(
      `Cannot use the recipe "${where}": it has an unknown field ${at(unknown)}. Known fields are ${list}.`,
    );
  }
  return Object.fromEntries(
    known.map((name) => [name, { value: (value as Record<string, unknown>)[name], path: at(name), where }]),
  ) as Record<N, Field>;
}

function invalid({ value, path, where }: Field, expected: string): UserError {
  const text = Number.isNaN(value) ? "NaN" : JSON.stringify(value) ?? "nothing";
  const found = text.length > 60 ? `${text.slice(0, 57)}...` : text;
  return new UserError(
    `Cannot use the recipe "${where}": ${path || "its content"} is ${found}. It must be ${expected}.`,
  );
}

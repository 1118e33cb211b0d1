/**
 * How images are prepared for an encoder: their size, normalization and contrast, and the stem that goes with them.
 *
 * @module
 */
import { imagenet, type Rgb } from "../../data/views/recipe.ts";
import { UserError } from "../base/errors.ts";
import { largestSmallSize, smallSize } from "../config/default_values.ts";
import { encoderFields } from "../config/evaluate_flags.ts";
import type { Stem } from "../nn/backbones.ts";
import type { EvaluatedEncoder } from "./evaluated_encoder.ts";
import type { TimmConfig } from "./timm_config.ts";
import type { EncoderOptions } from "./types.ts";

/** What a file says of its encoder, as texts. */
export type Metadata = Readonly<Record<string, string | undefined>>;

/** Who says how images are prepared; the first that does counts. */
interface Told {
  given: EncoderOptions & { log?: (line: string) => void };
  metadata: Metadata;
  timm: TimmConfig | null;
  /** The stem that the tensors look like. */
  guessed: Stem | null;
}

/**
 * How images are prepared for the encoder in the file `name`. What nobody says is 224 px, or 32 px for the stem of small images,
 * and ImageNet's mean and deviation; that is logged, and so is what timm's config.json says.
 */
export function imagesOf(
  name: string,
  { given, metadata, timm, guessed }: Told,
): Pick<EvaluatedEncoder, "stem" | "size" | "mean" | "std" | "stretch"> {
  const told = <K extends keyof typeof encoderFields>(field: K) =>
    given[field] === undefined ? fieldIn(name, { name: field, metadata }) : undefined;
  const known = given.stem ?? told("stem") ?? guessed;
  const said = { size: told("size"), mean: told("mean"), std: told("std") };
  const usual = (Number(metadata.size) || undefined) ?? timm?.size ??
    (known === "cifar" ? smallSize : imagenet.size);
  const images = {
    size: given.size ?? said.size ?? usual,
    mean: (given.mean ?? said.mean ?? timm?.mean ?? imagenet.mean) as Rgb,
    std: (given.std ?? said.std ?? timm?.std ?? imagenet.std) as Rgb,
    stretch: given.stretch ?? told("stretch") ?? "none",
  };
  const open = (["size", "mean", "std"] as const).filter((field) => !given[field] && !said[field]);
  const line = describe(images, { open, timm });
  if (line) given.log?.(`${name} does not say how images are prepared for it: ${line}`);
  if (images.size !== usual) {
    given.log?.(`${name} is usually used on images of ${usual} px, here on ${images.size} px`);
  }
  return { ...images, stem: known ?? (images.size > largestSmallSize ? "imagenet" : "cifar") };
}

/** What is taken for the fields that are left open, and from where; null if there are none. */
function describe(
  { size, mean, std }: Pick<EvaluatedEncoder, "size" | "mean" | "std">,
  { open, timm }: { open: readonly ("size" | "mean" | "std")[]; timm: TimmConfig | null },
): string | null {
  const values = { size: `${size} px`, mean: `mean ${mean.join(", ")}`, std: `deviation ${std.join(", ")}` };
  const bySource = Map.groupBy(open, (field) => timm?.[field] !== undefined);
  const ofTimm = bySource.get(true)?.map((field) => values[field]) ?? [];
  const assumed =
    bySource.get(false)?.map((field) => field === "size" ? values.size : `ImageNet's ${values[field]}`) ?? [];
  const parts = [
    ...ofTimm.length > 0 ? [`${ofTimm.join(", ")} as timm's config.json beside it says`] : [],
    ...assumed.length > 0 ? [`${assumed.join(", ")} assumed`] : [],
  ];
  return parts.length > 0 ? parts.join("; ") : null;
}

/** What the metadata of the file `path` say of a field of its encoder; undefined if they say nothing. */
function fieldIn<K extends keyof typeof encoderFields>(
  path: string,
  { name, metadata: { [name]: text } }: { name: K; metadata: Metadata },
): FieldValue<K> | undefined {
  if (text === undefined) return undefined;
  const { expected, parse } = encoderFields[name], value = parse(text.replace(/^\s*\[|\]\s*$/g, ""));
  if (value !== undefined) return value as FieldValue<K>;
  throw new UserError(
    `Cannot use the encoder "${path}": its metadata say ${name} = ${text}, expected ${expected}. Give --${name}.`,
  );
}

type FieldValue<K extends keyof typeof encoderFields> = NonNullable<
  ReturnType<(typeof encoderFields)[K]["parse"]>
>;

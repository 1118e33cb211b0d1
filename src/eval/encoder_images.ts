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
  given: EncoderOptions;
  metadata: Metadata;
  timm: TimmConfig | null;
  /** The stem that the tensors look like. */
  guessed: Stem | null;
}

/**
 * How images are prepared for the encoder in the file `name`. What nobody says is 224 px, or 32 px for the stem of small images,
 * and ImageNet's mean and deviation; `notes` say that, and what timm's config.json says.
 */
export function imagesOf(
  name: string,
  { given, metadata, timm, guessed }: Told,
): { images: Pick<EvaluatedEncoder, "stem" | "size" | "mean" | "std" | "stretch">; notes: string[] } {
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
  const notes = describe(name, { images, open, timm });
  if (images.size !== usual) {
    notes.push(`${name} is usually used on images of ${usual} px, here on ${images.size} px`);
  }
  const stem = known ?? (images.size > largestSmallSize ? "imagenet" : "cifar");
  return { images: { ...images, stem }, notes };
}

/** The stem of the encoder that made the embeddings in the file `path`, and how images were prepared, as its metadata say. */
export function preparationIn(
  path: string,
  metadata: Metadata,
): Pick<EncoderOptions, "stem" | "size" | "mean" | "std" | "stretch"> {
  const told = <K extends keyof typeof encoderFields>(name: K) => fieldIn(path, { name, metadata });
  const size = told("size"), usual = size === undefined ? undefined : "none"; // which they do not name
  return {
    stem: told("stem"),
    size,
    mean: told("mean"),
    std: told("std"),
    stretch: told("stretch") ?? usual,
  };
}

/** What is taken for the fields that the file leaves open, and from where. */
function describe(
  name: string,
  { images: { size, mean, std }, open, timm }: {
    images: Pick<EvaluatedEncoder, "size" | "mean" | "std">;
    open: readonly ("size" | "mean" | "std")[];
    timm: TimmConfig | null;
  },
): string[] {
  const values = { size: `${size} px`, mean: `mean ${mean.join(", ")}`, std: `deviation ${std.join(", ")}` };
  const ofTimm = open.filter((field) => timm?.[field] !== undefined);
  const assumed = open.filter((field) => timm?.[field] === undefined);
  const listed = (fields: typeof open) => fields.map((field) => values[field]).join(", ");
  const whose = assumed.some((field) => field !== "size") ? " (ImageNet's)" : "";
  return [
    ...ofTimm.length > 0
      ? [`Images are prepared as timm's config.json beside ${name} says: ${listed(ofTimm)}`]
      : [],
    ...assumed.length > 0
      ? [`${name} does not say how images are prepared; assumed: ${listed(assumed)}${whose}`]
      : [],
  ];
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

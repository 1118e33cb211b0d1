/**
 * Backbones as options: a name, or a ResNet or ConvNeXt of the user's own.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { smallestSize } from "../nn/backbone.ts";
import { type BackboneConfig, type BackboneName, backbones, type Stem } from "../nn/backbones.ts";

/** A backbone as options and files name it. */
export type Backbone = BackboneName | BackboneConfig;

/** Channels are stored four to a vector. */
const WIDTH_STEP = 4;
/** Each stage halves the resolution: eight reach one pixel from 256. */
const MAX_STAGES = 8;

/** Whether `name` is a built-in backbone. */
export function isBackboneName(name: string): name is BackboneName {
  return Object.hasOwn(backbones, name);
}

/** The layers of `backbone`. */
export function backboneConfigOf(backbone: Backbone): BackboneConfig {
  return typeof backbone === "string" ? backbones[backbone] : backbone;
}

/**
 * Throws unless images of `size` pixels are large enough for `backbone`.
 *
 * @throws {UserError} naming the least size.
 */
export function expectSize(backbone: Backbone, { stem, size }: { stem: Stem; size: number }): void {
  const least = smallestSize({ config: backboneConfigOf(backbone), stem });
  if (size >= least) return;
  throw new UserError(
    `Cannot use the backbone ${
      backboneText(backbone)
    } on images of ${size} pixels: with the stem ${stem} its last ` +
      `stage has a pixel from ${least} on. Give --size ${least} or more${
        stem === "imagenet" ? ", or --stem cifar" : ""
      }.`,
  );
}

/** The text for `backbone` in the metadata of a file: its name, or JSON. */
export function backboneText(backbone: Backbone): string {
  return typeof backbone === "string" ? backbone : JSON.stringify(backbone);
}

/** The backbone that {@linkcode backboneText} wrote as `text`; undefined if it is none. */
export function parseBackboneText(text: string): Backbone | undefined {
  if (isBackboneName(text)) return text;
  try {
    return parseBackbone(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/**
 * The backbone that `value` describes: a name, or an object with block, layers and widths.
 *
 * @throws {UserError} on an unknown name or field, or a value out of range.
 */
export function parseBackbone(value: unknown): Backbone {
  if (typeof value === "string" && isBackboneName(value)) return value;
  const names = Object.keys(backbones).join(", ");
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refusal(value, `it must be one of ${names}, or an object with block, layers and widths`);
  }
  const { block, layers, widths, widthPerGroup, ...others } = value as Record<string, unknown>;
  if (Object.keys(others).length > 0) {
    throw refusal(
      value,
      `its fields must be block, layers, widths and widthPerGroup, not ${Object.keys(others).join(", ")}`,
    );
  }
  if (block !== "basic" && block !== "bottleneck" && block !== "convnext") {
    throw refusal(value, 'block must be "basic", "bottleneck" or "convnext"');
  }
  if (!isList(layers, 1)) {
    throw refusal(value, `layers must list the blocks of 1 to ${MAX_STAGES} stages, each at least 1`);
  }
  if (!isList(widths, WIDTH_STEP) || widths.length !== layers.length) {
    throw refusal(
      value,
      `widths must list a multiple of ${WIDTH_STEP} for each of the ${layers.length} stages`,
    );
  }
  if (widthPerGroup !== undefined && (block !== "bottleneck" || !isInner(widths, widthPerGroup))) {
    throw refusal(
      value,
      `widthPerGroup is for bottlenecks, and width · widthPerGroup / 64 must be a multiple of ${WIDTH_STEP}`,
    );
  }
  const config = { layers: [...layers], widths: [...widths] };
  return block === "convnext"
    ? { block, ...config }
    : { block, ...config, ...widthPerGroup !== undefined && { widthPerGroup } };
}

/** Whether `value` is a list of positive multiples of `step`, one for each stage. */
function isList(value: unknown, step: number): value is number[] {
  return Array.isArray(value) && value.length >= 1 && value.length <= MAX_STAGES &&
    value.every((n) => Number.isSafeInteger(n) && n > 0 && n % step === 0);
}

/** Whether `widthPerGroup` gives inner widths that can be stored. */
function isInner(widths: readonly number[], widthPerGroup: unknown): widthPerGroup is number {
  return typeof widthPerGroup === "number" && widthPerGroup > 0 &&
    widths.every((width) => Number.isInteger(width * widthPerGroup / 64 / WIDTH_STEP));
}

function refusal(value: unknown, fact: string): UserError {
  return new UserError(`Cannot use the backbone ${JSON.stringify(value)}: ${fact}.`);
}

/**
 * The config.json that PyTorch Image Models (timm) keeps beside weights: their architecture, and how images are prepared.
 *
 * @module
 */
import { dirname, join } from "node:path";
import type { Rgb } from "../../data/views/recipe.ts";
import { UserError } from "../base/errors.ts";
import { readFailure } from "../base/files.ts";
import { encoderFields } from "../config/evaluate_flags.ts";
import { type BackboneName, backbones } from "../nn/backbones.ts";

/** What timm says of weights. */
export interface TimmConfig {
  path: string;
  architecture: string;
  /** Undefined where it does not say. */
  mean?: Rgb;
  std?: Rgb;
  /** Side of its images in pixels; undefined if they are not square. */
  size?: number;
}

/** Residual networks that compute as torchvision's, under names of older versions too. What follows a dot names the training. */
const PLAIN = /^(?:tv_|gluon_|ssl_|swsl_)?((?:wide_)?resnet\d+(?:_2)?)(?:_v1b)?(?:\..*)?$/;

/** What other architectures have, by parts of their names. The first that fits counts. */
const VARIANTS: readonly [part: RegExp, what: string][] = [
  [/^(seresn|legacy_se|senet|ecaresn|skresn|gcresn)/, "it has attention over channels"],
  [/^resnetblur/, "it blurs before each stride"],
  [/^resnetaa/, "it averages before each stride"],
  [/^resnetv2/, "it normalizes before each convolution"],
  [/^resnetrs/, "it has a deep stem and attention over channels"],
  [/resnext|^ig_/, "its convolutions are grouped"],
  [/^(resnest|res2ne)/, "its blocks are split"],
  [/resnet\d+(_gn|.*gn$)/, "it has group normalization"],
  [/resnet\d+[cst]$|_v1[cs]$/, "its stem is deep"],
  [/resnet\d+d$|_v1d$/, "its stem is deep, and its shortcuts average"],
];

/**
 * What timm's config.json beside the weights at `path` says; null if there is none, or if it is another program's.
 *
 * @throws {UserError} if the architecture is none that this project computes, by its name; and on values that cannot be.
 */
export async function timmConfigBeside(path: string): Promise<TimmConfig | null> {
  const file = join(dirname(path), "config.json");
  const config = await readObject(file);
  if (typeof config?.architecture !== "string") return null;
  const inner = config.pretrained_cfg, fields = isObject(inner) ? { ...config, ...inner } : config;
  const { mean, std, input_size: input } = fields;
  const [, height, width] = Array.isArray(input) ? input : [];
  const valueOf = <T>(name: "mean" | "std" | "size", value: unknown): T | undefined => {
    if (value === undefined) return undefined;
    const { expected, parse } = encoderFields[name], parsed = parse([value].flat().join(","));
    if (parsed !== undefined) return parsed as T;
    throw new UserError(
      `Cannot use "${file}": it says ${name} = ${JSON.stringify(value)}, expected ${expected}. ${ELSEWHERE}.`,
    );
  };
  const found = {
    path: file,
    architecture: config.architecture,
    mean: valueOf<Rgb>("mean", mean),
    std: valueOf<Rgb>("std", std),
    size: height === width ? valueOf<number>("size", height) : undefined,
  };
  expectPlain(found);
  return found;
}

const ELSEWHERE = "If that config.json is not of these weights, move them to a folder of their own";

/** Refuses what only looks like a network of this project: some variants have the same tensors and compute otherwise. */
function expectPlain({ path, architecture }: TimmConfig): void {
  if (PLAIN.test(architecture) || Object.hasOwn(backbones, architecture)) return;
  const [, what] = VARIANTS.find(([part]) => part.test(architecture)) ?? [];
  throw new UserError(
    `Cannot use weights of timm's "${architecture}", as "${path}" names them: ${
      what ? `${what}, unlike torchvision's ResNets` : "it is none of this project's backbones"
    }. Use weights of ${Object.keys(backbones).join(", ")}. ${ELSEWHERE}.`,
  );
}

/**
 * Throws if `config` is of another of this project's backbones than the tensors at `path`.
 *
 * @throws {UserError} naming both.
 */
export function expectSameBackbone(
  path: string,
  { config, backbone }: { config: TimmConfig; backbone: unknown },
): void {
  const name = PLAIN.exec(config.architecture)?.[1] ?? config.architecture;
  const isKnown = Object.hasOwn(backbones, name) && typeof backbone === "string";
  if (!isKnown || name as BackboneName === backbone) return;
  throw new UserError(
    `Cannot use the weights "${path}": their tensors are of ${backbone}, and "${config.path}" is of ${name}. ${ELSEWHERE}.`,
  );
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The object in a JSON file; null if there is no such file, or no object in it. */
async function readObject(file: string): Promise<Record<string, unknown> | null> {
  try {
    const value = JSON.parse(await Deno.readTextFile(file));
    return isObject(value) ? value : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw new UserError(`Cannot read "${file}" beside the weights: ${readFailure(error)}. ${ELSEWHERE}.`);
  }
}

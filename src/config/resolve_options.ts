/**
 * The options of a run with their defaults filled in.
 *
 * @module
 */
import { basename, join, resolve } from "node:path";
import { withoutSecrets } from "../../data/sources/patterns.ts";
import { defaultDecodeSize, type Recipe, recipeByName } from "../../data/views/recipe.ts";
import { UserError } from "../base/errors.ts";
import { checkOptions, isImageSource } from "./check_options.ts";
import {
  type DataKind,
  defaultsByData,
  defaultWorkers,
  largestSmallSize,
  optimizerDefaults,
} from "./default_values.ts";
import { methodOptions } from "./method_options.ts";
import { overPreset, presetByName } from "./preset_fields.ts";
import type { PretrainOptions, PretrainSettings } from "./pretrain_options.ts";
import type { ResolvedOptions } from "./resolved_options.ts";

/** What `recipe` and `preset` name, if they are files; built-in ones are known by their names. */
export interface NamedFiles {
  recipe?: Recipe;
  preset?: PretrainSettings;
}

/**
 * Every option of a run: what is given, what the preset says, and defaults for the rest.
 *
 * @param files The recipe and the preset that are named, if they are files. The recipe's size is the default.
 * @throws {UserError} on an unknown option, and on a value that is not allowed or has no effect.
 */
export function resolveOptions(
  options: PretrainOptions,
  { recipe, preset: file }: NamedFiles = {},
): ResolvedOptions {
  const given = checkOptions(options), chosen = overPreset(file ?? presetByName(given.preset), given);
  if (chosen.lr !== undefined && chosen.baseLr !== undefined) {
    throw new UserError(
      `Cannot use lr = ${chosen.lr} with baseLr = ${chosen.baseLr}: both set the learning rate. Leave one out.`,
    );
  }
  const { data, ...others } = chosen, { name, kind } = describeData(data), defaults = defaultsByData[kind];
  const batch = chosen.batch ?? defaults.batch, accumulate = chosen.accumulate ?? 1;
  return {
    data: isImageSource(data) ? null : data ?? "shapes",
    split: null,
    label: null,
    limit: null,
    holdout: defaults.holdout,
    order: "mixed",
    ...viewOptions(chosen, { recipe, kind }),
    init: null,
    hidden: defaults.hidden,
    projection: defaults.projection,
    preset: null,
    ...optimizerOptions(chosen, { kind, samples: batch * accumulate }),
    momentum: 0.9,
    warmup: 0.1,
    batch,
    accumulate,
    seed: 0,
    kernels: "auto",
    precision: "f32",
    lossScale: "dynamic",
    recompute: "auto",
    out: join("runs", `${name}-${backboneLabel(chosen.backbone ?? defaults.backbone)}`),
    checkpointEvery: defaults.checkpointEvery,
    keep: 3,
    evalEvery: null,
    logEvery: 10,
    tensorboard: false,
    stopOnCollapse: false,
    ...others,
    ...methodOptions(given, { chosen, tau: defaults.tau }),
    ...lengthOptions(chosen, { kind, samples: batch * accumulate }),
  };
}

/** A name for the data in paths, and which defaults apply to it. */
function describeData(data: PretrainSettings["data"] = "shapes"): { name: string; kind: DataKind } {
  const sources = isImageSource(data) ? [data.name] : [data].flat();
  const isShapes = !isImageSource(data) && sources.every((source) => /^shapes(:|$)/.test(source));
  const name = sources.map((source) => basename(resolve(withoutSecrets(source)))).join("+").replace(
    /[^\w.+-]+/g,
    "-",
  );
  return { name: name || "data", kind: isShapes ? "shapes" : "other" };
}

/** A name for the backbone in paths. */
function backboneLabel(backbone: NonNullable<PretrainSettings["backbone"]>): string {
  return typeof backbone === "string" ? backbone : backbone.block === "convnext" ? "convnext" : "resnet";
}

/** How images become views, and the network whose stem depends on their size. */
function viewOptions(
  chosen: PretrainSettings,
  { recipe: loaded, kind }: { recipe: Recipe | undefined; kind: DataKind },
) {
  const defaults = defaultsByData[kind];
  const recipeOf = (recipe: string | Recipe) =>
    loaded ?? (typeof recipe === "string" ? recipeByName(recipe) : recipe);
  const size = chosen.size ?? recipeOf(chosen.recipe ?? defaults.recipe).size;
  const isLarge = size > largestSmallSize;
  const recipe = chosen.recipe ?? (isLarge && kind === "other" ? "byol" : defaults.recipe);
  return {
    size,
    recipe,
    stretch: recipeOf(recipe).stretch ?? "none",
    augment: "gpu",
    decodeSize: defaultDecodeSize(recipeOf(recipe), size),
    minSide: 1,
    cache: "none",
    onBadImage: "skip",
    maxBad: null,
    workers: defaultWorkers(),
    backbone: defaults.backbone,
    stem: isLarge ? "imagenet" : "cifar",
  } as const;
}

/** The optimizer and its rates for steps of `samples` images. */
function optimizerOptions(
  chosen: PretrainSettings,
  { kind, samples }: { kind: DataKind; samples: number },
) {
  const { optimizer } = defaultsByData[kind];
  const { lr, weightDecay } = optimizerDefaults[chosen.optimizer ?? optimizer];
  const { baseLr = lr[kind] } = chosen;
  return {
    optimizer,
    // Rounded, or config.json would show 1.2 · 24 / 256 as 0.11249999999999999.
    lr: Number((baseLr * samples / 256).toPrecision(6)),
    baseLr: chosen.lr === undefined ? baseLr : null,
    trust: optimizerDefaults.lars.trust,
    larsClip: false,
    weightDecay,
  };
}

/** The length of the run in epochs or in steps of `samples` images. */
function lengthOptions(
  { steps, epochs }: PretrainSettings,
  { kind, samples }: { kind: DataKind; samples: number },
): Pick<ResolvedOptions, "epochs" | "steps"> {
  if (steps !== undefined) return { epochs: null, steps };
  if (epochs !== undefined) return { epochs, steps: null };
  const { length } = defaultsByData[kind];
  return "samples" in length
    ? { epochs: null, steps: Math.ceil(length.samples / samples) }
    : { epochs: length.epochs, steps: null };
}

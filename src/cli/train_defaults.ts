/**
 * The options of a run with their defaults filled in.
 *
 * @module
 */
import { basename, join, resolve } from "node:path";
import { type Recipe, recipeByName, usualDecodeSize } from "../augment/recipe.ts";
import { UserError } from "../errors.ts";
import type { OptionType } from "./option_types.ts";
import { type GivenTrainFlags, trainFlags } from "./train_flags.ts";
import { largestSmallSize, maxWorkers, optimizerDefaults, presets } from "./train_presets.ts";

/** Options whose absence means something; see {@linkcode TrainOptions}. */
type Optional = "limit" | "holdout" | "epochs" | "steps" | "maxBad";

/** Every option of a run. Their meaning is in train_flags.ts. */
export interface TrainOptions extends Required<Omit<GivenTrainFlags, Optional>> {
  /** Null: all samples. */
  limit: number | null;
  /** Null: a tenth of the samples, at most 1,000, if they are labelled. */
  holdout: number | null;
  /** Null: a tenth of the samples. */
  maxBad: number | null;
  /** Null if `steps` is a number, and only then. */
  epochs: number | null;
  steps: number | null;
}

function lengthOf({ steps, epochs }: GivenTrainFlags, kind: keyof typeof presets, batch: number) {
  if (steps !== undefined) return { epochs: null, steps };
  if (epochs !== undefined) return { epochs, steps: null };
  const { length } = presets[kind];
  return "samples" in length
    ? { epochs: null, steps: Math.ceil(length.samples / batch) }
    : { epochs: length.epochs, steps: null };
}

/**
 * Every option of a run: what is given, and defaults for the rest.
 *
 * @param recipe The recipe that is given, whose size is the default; a built-in one is known by its name.
 * @throws {UserError} on a value that `--help` does not allow.
 */
export function trainOptions(given: GivenTrainFlags, recipe?: Recipe): TrainOptions {
  given = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  for (const [name, value] of Object.entries(given)) {
    const type: OptionType<unknown> | undefined = trainFlags[name as keyof typeof trainFlags]?.type;
    if (!type) {
      throw new UserError(
        `Cannot train with an option ${name}: the known ones are ${Object.keys(trainFlags).join(", ")}`,
      );
    }
    const wrong = [value].flat().find((part) => type.parse(String(part)) === undefined);
    if (wrong !== undefined) {
      throw new UserError(`Cannot train with ${name} = ${wrong} as it must be ${type.expected}`);
    }
  }
  const data = given.data ?? "shapes";
  const sources = [data].flat();
  const kind = sources.every((source) => /^shapes(:|$)/.test(source)) ? "shapes" : "other";
  const preset = presets[kind];
  const size = given.size ?? (recipe ?? recipeByName(given.recipe ?? preset.recipe)).size;
  const isLarge = size > largestSmallSize;
  const recipeName = given.recipe ?? (isLarge && kind === "other" ? "byol" : preset.recipe);
  const { lr, weightDecay } = optimizerDefaults[given.optimizer ?? preset.optimizer];
  const batch = given.batch ?? preset.batch;
  const dataName = sources.map((source) => basename(resolve(source))).join("+").replace(/[^\w.+-]+/g, "-") ||
    "data";

  return {
    data,
    limit: null,
    holdout: preset.holdout,
    size,
    recipe: recipeName,
    augment: "gpu",
    decodeSize: usualDecodeSize(recipe ?? recipeByName(recipeName), size),
    cache: "none",
    onBadImage: "skip",
    maxBad: null,
    workers: Math.min(navigator.hardwareConcurrency, maxWorkers),
    backbone: preset.backbone,
    stem: isLarge ? "imagenet" : "cifar",
    hidden: preset.hidden,
    projection: preset.projection,
    tau: preset.tau,
    tauSchedule: "cosine",
    targetInit: "copy",
    optimizer: preset.optimizer,
    // Rounded, or 1.2 · 24 / 256 would not read .1125 in config.json.
    lr: Number((lr[kind] * batch / 256).toPrecision(6)),
    weightDecay,
    momentum: 0.9,
    warmup: 0.1,
    batch,
    seed: 0,
    kernels: "auto",
    out: join("runs", `${dataName}-${given.backbone ?? preset.backbone}`),
    checkpointEvery: preset.checkpointEvery,
    keep: 3,
    evalEvery: 0,
    logEvery: 10,
    ...given,
    ...lengthOf(given, kind, batch),
  };
}

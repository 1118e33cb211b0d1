/**
 * The options of a run with their defaults filled in.
 *
 * @module
 */
import { basename, join, resolve } from "node:path";
import { defaultDecodeSize, type Recipe, recipeByName } from "../../data/views/recipe.ts";
import { UserError } from "../base/errors.ts";
import type { OptionType } from "./option_types.ts";
import { overPreset, presetByName } from "./preset_fields.ts";
import { type PretrainOptions, trainFlags } from "./train_flags.ts";
import { largestSmallSize, methods, optimizerDefaults, presets, usualWorkers } from "./default_values.ts";

/** Options whose absence means something; see {@linkcode ResolvedOptions}. */
type Optional = "limit" | "holdout" | "epochs" | "steps" | "maxBad" | "preset" | "baseLr";

/** Every option of a run. Their meaning is in train_flags.ts. */
export interface ResolvedOptions extends Required<Omit<PretrainOptions, Optional>> {
  /** Null: all samples. */
  limit: number | null;
  /** Null: a tenth of the samples, at most 1,000, if they are labelled. */
  holdout: number | null;
  /** Null: a tenth of the samples. */
  maxBad: number | null;
  /** Null if `steps` is a number, and only then. */
  epochs: number | null;
  steps: number | null;
  /** The name or file of the preset, whose values are among the others here; null if there is none. */
  preset: string | null;
  /** Null if `lr` was given. */
  baseLr: number | null;
}

/** What `--recipe` and `--preset` name, read already; built-in ones are known by their names. */
export interface NamedFiles {
  recipe?: Recipe;
  preset?: PretrainOptions;
}

function lengthOf({ steps, epochs }: PretrainOptions, kind: keyof typeof presets, samples: number) {
  if (steps !== undefined) return { epochs: null, steps };
  if (epochs !== undefined) return { epochs, steps: null };
  const { length } = presets[kind];
  return "samples" in length
    ? { epochs: null, steps: Math.ceil(length.samples / samples) }
    : { epochs: length.epochs, steps: null };
}

/** τ of a target that does not follow: a fixed one keeps its weights, the online network itself has always the last ones. */
const STANDING_TAU = { fixed: 1, none: 0, shared: 0 } as const;

/** The options that belong to a target which moves, or is a network at all. */
const FOLLOWING = ["tau", "tauSchedule"] as const, SEPARATE = ["targetInit"] as const;

/** The method's parts, and how its target follows. What is `given` must belong to that target, what a preset says need not. */
function methodOf(given: PretrainOptions, { chosen, tau }: { chosen: PretrainOptions; tau: number }) {
  const { method = "byol" } = chosen, parts = methods[method];
  const { predictor = parts.predictor, target = parts.target, negatives = parts.negatives } = chosen;
  const { temperature = parts.temperature, targetInit = "copy" } = chosen;
  const idle = target === "ema" ? [] : target === "fixed" ? FOLLOWING : [...FOLLOWING, ...SEPARATE];
  for (const name of idle) {
    if (given[name] === undefined) continue;
    const why = target === "fixed" ? "the target stays as it began" : "there is no second network";
    throw new UserError(
      `Cannot train with ${name} = ${
        given[name]
      } as ${why}: target = ${target}. Leave ${name} out, or choose a target ` +
        `that is ${name === "targetInit" ? "ema or fixed" : "ema"}.`,
    );
  }
  if (given.temperature !== undefined && negatives === 0) {
    throw new UserError(
      `Cannot train with temperature = ${given.temperature} as negatives = 0, and only these have one. Leave temperature ` +
        `out, or add negatives.`,
    );
  }
  const course = target === "ema"
    ? { tau: chosen.tau ?? tau, tauSchedule: chosen.tauSchedule ?? "cosine" }
    : { tau: STANDING_TAU[target], tauSchedule: "constant" as const };
  return {
    method,
    predictor,
    target,
    negatives,
    temperature,
    ...course,
    targetInit: target === "ema" || target === "fixed" ? targetInit : "copy" as const,
  };
}

/**
 * Every option of a run: what is given, what the preset says, and defaults for the rest.
 *
 * @param files The recipe and the preset that are named, if they are files. The recipe's size is the default.
 * @throws {UserError} on a value that `--help` does not allow.
 */
export function resolveOptions(
  given: PretrainOptions,
  { recipe, preset: file }: NamedFiles = {},
): ResolvedOptions {
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
  const chosen = overPreset(file ?? presetByName(given.preset), given);
  if (chosen.lr !== undefined && chosen.baseLr !== undefined) {
    throw new UserError(
      `Cannot train with lr = ${chosen.lr} and baseLr = ${chosen.baseLr} as both tell the learning rate: expected one of ` +
        `them. Leave the other out.`,
    );
  }
  const data = given.data ?? "shapes";
  const sources = [data].flat();
  const kind = sources.every((source) => /^shapes(:|$)/.test(source)) ? "shapes" : "other";
  const preset = presets[kind];
  const size = chosen.size ?? (recipe ?? recipeByName(chosen.recipe ?? preset.recipe)).size;
  const isLarge = size > largestSmallSize;
  const recipeName = chosen.recipe ?? (isLarge && kind === "other" ? "byol" : preset.recipe);
  const { lr, weightDecay } = optimizerDefaults[chosen.optimizer ?? preset.optimizer];
  const { batch = preset.batch, accumulate = 1, baseLr = lr[kind] } = chosen;
  const dataName = sources.map((source) => basename(resolve(source))).join("+").replace(/[^\w.+-]+/g, "-") ||
    "data";

  return {
    data,
    limit: null,
    holdout: preset.holdout,
    size,
    recipe: recipeName,
    augment: "gpu",
    decodeSize: defaultDecodeSize(recipe ?? recipeByName(recipeName), size),
    cache: "none",
    onBadImage: "skip",
    maxBad: null,
    workers: usualWorkers(),
    backbone: preset.backbone,
    stem: isLarge ? "imagenet" : "cifar",
    hidden: preset.hidden,
    projection: preset.projection,
    preset: null,
    optimizer: preset.optimizer,
    // Rounded, or 1.2 · 24 / 256 would not read .1125 in config.json.
    lr: Number((baseLr * batch * accumulate / 256).toPrecision(6)),
    baseLr: chosen.lr === undefined ? baseLr : null,
    trust: optimizerDefaults.lars.trust,
    larsClip: "off",
    weightDecay,
    momentum: 0.9,
    warmup: 0.1,
    batch,
    accumulate,
    seed: 0,
    kernels: "auto",
    recompute: "auto",
    out: join("runs", `${dataName}-${chosen.backbone ?? preset.backbone}`),
    checkpointEvery: preset.checkpointEvery,
    keep: 3,
    evalEvery: 0,
    logEvery: 10,
    stopOnCollapse: false,
    ...chosen,
    ...methodOf(given, { chosen, tau: preset.tau }),
    ...lengthOf(chosen, kind, batch * accumulate),
  };
}

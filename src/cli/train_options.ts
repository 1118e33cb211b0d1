/**
 * The command line of train.ts.
 *
 * @module
 */

import { basename, join, resolve } from "node:path";
import { Command, CommanderError, Option } from "npm:commander@15.1.0";
import config from "../../deno.json" with { type: "json" };
import { UserError } from "../errors.ts";
import { type Flag, type GivenTrainFlags, trainFlagGroups } from "./train_flags.ts";
import { largestSmallSize, maxWorkers, optimizerDefaults, presets, recipeSizes } from "./train_presets.ts";

/** Options whose absence means something; see {@linkcode TrainOptions}. */
type Optional = "limit" | "epochs" | "steps";

/** Every option of train.ts with its value, given or by default. Their meaning is in train_flags.ts. */
export interface TrainOptions extends Required<Omit<GivenTrainFlags, Optional>> {
  /** Null: all samples. */
  limit: number | null;
  /** Null if `steps` is a number, and only then. */
  epochs: number | null;
  steps: number | null;
  /** Continue the run in `out`. */
  resume: boolean;
  /** Print what the run would use, and stop. */
  plan: boolean;
}

/** The answer to `--help` or `--version`, to be printed instead of training. */
export interface Help {
  help: string;
}

type Given = GivenTrainFlags & { resume?: true; plan?: true };

interface GroupedFlag extends Flag<unknown> {
  group: string;
}

const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function addFlag(command: Command, name: string, { group, about, otherwise, type }: GroupedFlag): void {
  const flag = `--${kebab(name)}`;
  const parse = (text: string) => {
    const value = type.parse(text);
    if (value !== undefined) return value;
    throw new UserError(`Cannot use ${flag} ${text || '""'} as it must be ${type.expected}.`);
  };
  const option = new Option(`${flag} <${type.placeholder}>`, `${about} (default: ${otherwise})`);
  command.addOption(option.argParser(parse).helpGroup(group));
}

function createCommand(): Command {
  const command = new Command("./run train").description("Trains an image encoder without labels, by BYOL.");
  for (const [group, flags] of Object.entries(trainFlagGroups)) {
    const heading = `${group[0].toUpperCase()}${group.slice(1)}:`;
    for (const [name, flag] of Object.entries<Flag<unknown>>(flags)) {
      addFlag(command, name, { ...flag, group: heading });
    }
  }
  return command
    .optionsGroup("Output:")
    .option("--resume", "continue the run in --out from its last checkpoint")
    .optionsGroup("Instead of training:")
    .option("--plan", "print the memory that the run would use, allocating none")
    .version(config.version, "--version", "print the version")
    .helpOption("--help", "print this");
}

function lengthOf({ steps, epochs }: Given, kind: keyof typeof presets, batch: number) {
  if (steps !== undefined) return { epochs: null, steps };
  if (epochs !== undefined) return { epochs, steps: null };
  const { length } = presets[kind];
  return "samples" in length
    ? { epochs: null, steps: Math.ceil(length.samples / batch) }
    : { epochs: length.epochs, steps: null };
}

function withDefaults(given: Given): TrainOptions {
  const data = given.data ?? "shapes";
  const kind = data === "shapes" ? "shapes" : "other";
  const preset = presets[kind];
  const size = given.size ?? recipeSizes[given.recipe ?? preset.recipe];
  const isLarge = size > largestSmallSize;
  const { lr, weightDecay } = optimizerDefaults[given.optimizer ?? preset.optimizer];
  const batch = given.batch ?? preset.batch;
  const dataName = basename(resolve(data)).replace(/[^\w.-]+/g, "-") || "data";

  return {
    data,
    limit: null,
    holdout: preset.holdout,
    size,
    recipe: isLarge && kind === "other" ? "byol" : preset.recipe,
    onBadImage: "skip",
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
    out: join("runs", `${dataName}-${given.backbone ?? preset.backbone}`),
    checkpointEvery: preset.checkpointEvery,
    keep: 3,
    logEvery: 10,
    resume: false,
    plan: false,
    ...given,
    ...lengthOf(given, kind, batch),
  };
}

/**
 * Reads the arguments of train.ts. Prints nothing and never exits.
 *
 * @throws {UserError} on an unknown option, naming the nearest known one, and on a value of the wrong type or range.
 *
 * @example
 * ```ts
 * const options = parseTrainOptions(["--data", "./photos", "--batch", "32"]);
 * console.log("help" in options ? options.help : options.lr); // 0.05625
 * ```
 */
export function parseTrainOptions(args: readonly string[]): TrainOptions | Help {
  let printed = "";
  const command = createCommand()
    .exitOverride()
    .configureOutput({ writeOut: (text) => printed += text, writeErr: () => {} });
  try {
    command.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { help: printed.trimEnd() };
    const reason = error.message.replace(/^error: /, "").replace("\n", " ").replace(/\.$/, "");
    const hint = error.code === "commander.excessArguments"
      ? "Every value belongs to an option: --data SOURCE. "
      : "";
    throw new UserError(
      `Cannot understand the command line: ${reason}. ${hint}--help explains every option.`,
    );
  }
  return withDefaults(command.opts<Given>());
}

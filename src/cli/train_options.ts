/**
 * The command line of train.ts.
 *
 * @module
 */
import { Option } from "npm:commander@15.1.0";
import { UserError } from "../base/errors.ts";
import { integer, number, type OptionType } from "../config/option_types.ts";
import type { PretrainSettings } from "../config/pretrain_options.ts";
import { trainFlagGroups } from "../config/train_flags.ts";
import { createCommand, type Help, parseCommand } from "./command.ts";

/** What a command line can say, which has no data but by name. */
export interface GivenOptions extends PretrainSettings {
  data?: string | string[];
  recipe?: string;
}

/** What the arguments of train.ts ask for. */
export interface TrainArguments {
  /** The options that were given. */
  given: GivenOptions;
  /** Continue the run in `--out`. */
  resume: boolean;
  /** Continue it even if the data has changed. */
  allowChangedData: boolean;
  /** Print the memory of the run instead of training. */
  plan: boolean;
  /** Also predict the steps of so many processes, if that was asked for. */
  planned?: PlannedRanks;
  /** Print where the time of a step goes instead of training. */
  profile: boolean;
}

/** Processes to plan for, and their speeds. */
export interface PlannedRanks {
  ranks: number;
  /** Gbit/s. */
  network: number;
  /** TFLOP/s. */
  tflops?: number;
}

type Switch = "resume" | "allowChangedData" | "plan" | "profile";

/**
 * Reads the arguments of train.ts. Prints nothing and never exits.
 *
 * @throws {UserError} on an unknown option, naming the nearest known one, and on a value of the wrong type or range.
 *
 * @example
 * ```ts
 * const options = parseTrainOptions(["--data", "./photos", "--batch", "32"]);
 * console.log("help" in options ? options.help : options.given.batch); // 32
 * ```
 */
export function parseTrainOptions(args: readonly string[]): TrainArguments | Help {
  const about = "Trains an image encoder without labels, by BYOL.";
  const command = createCommand("train", { about, groups: trainFlagGroups })
    .optionsGroup("Output:")
    .option("--resume", "continue the run in --out from its last checkpoint")
    .option("--allow-changed-data", "continue it even if the data has changed")
    .optionsGroup("Instead of training:")
    .option("--plan", "print the memory that the run would use, without allocating it")
    .addOption(
      new Option("--ranks <N>", "with --plan: also predict the steps of 1, 2, 4 … N processes")
        .argParser(numberOf("--ranks", integer({ min: 2, max: 65536 }))),
    )
    .addOption(
      new Option("--network <GBIT>", "of --ranks: what a machine sends in a second (default: 100)")
        .argParser(numberOf("--network", number({ min: 0, exclusive: true }))),
    )
    .addOption(
      new Option("--tflops <X>", "of --ranks: what a GPU reaches in a step (default: that of an H200)")
        .argParser(numberOf("--tflops", number({ min: 0, exclusive: true }))),
    )
    .addOption(
      new Option("--profile", "measure a step: the share of each kernel, and its rate relative to the peak")
        .conflicts(["plan", "resume"]),
    );
  const options = parseCommand<GivenOptions & { [S in Switch]?: true } & Partial<PlannedRanks>>(
    command,
    args,
  );
  if ("help" in options) return options;
  const { resume = false, allowChangedData = false, plan = false, profile = false, ...others } = options;
  const { ranks, network, tflops, ...given } = others;
  if ((ranks ?? network ?? tflops) !== undefined && (!plan || ranks === undefined)) {
    throw new UserError("Cannot use --ranks, --network or --tflops alone: they belong to --plan --ranks N.");
  }
  const planned = ranks === undefined ? null : { ranks, network: network ?? 100, tflops };
  return { given, resume, allowChangedData, plan, profile, ...planned && { planned } };
}

/** Reads the number of an option. */
function numberOf(name: string, type: OptionType<number>): (text: string) => number {
  return (text) => {
    const value = type.parse(text);
    if (value !== undefined) return value;
    throw new UserError(`Cannot use "${name} ${text}": the value must be ${type.expected}.`);
  };
}

/**
 * The command line of train.ts.
 *
 * @module
 */

import { Command, CommanderError, Option } from "npm:commander@15.1.0";
import config from "../../deno.json" with { type: "json" };
import { UserError } from "../errors.ts";
import { type Flag, type GivenTrainFlags, trainFlagGroups } from "./train_flags.ts";

/** What the arguments of train.ts ask for. */
export interface TrainArguments {
  /** The options that were given. */
  given: GivenTrainFlags;
  /** Continue the run in `--out`. */
  resume: boolean;
  /** Print what the run would use, and stop. */
  plan: boolean;
  /** Print where the time of a step goes, and stop. */
  profile: boolean;
}

/** The answer to `--help` or `--version`, to be printed instead of training. */
export interface Help {
  help: string;
}

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
    .addOption(
      new Option("--profile", "measure a step: each kernel's share, and its rate beside this adapter's peaks")
        .conflicts(["plan", "resume"]),
    )
    .version(config.version, "--version", "print the version")
    .helpOption("--help", "print this");
}

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
  const { resume = false, plan = false, profile = false, ...given } = command.opts<
    GivenTrainFlags & { resume?: true; plan?: true; profile?: true }
  >();
  return { given, resume, plan, profile };
}

/**
 * The command line of src/cli/experiments.ts.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { type Flag, flag } from "../config/flag.ts";
import { choice, integer, text } from "../config/option_types.ts";
import { trainFlags } from "../config/train_flags.ts";
import type { ExperimentArguments } from "../experiments/arguments.ts";
import { createCommand, type Help, parseCommand } from "./command.ts";

/** What there is to choose from. */
export interface ExperimentChoices {
  /** Names of experiments, each with its title. */
  experiments: readonly { name: string; title: string }[];
  scales: readonly { name: string; about: string }[];
}

/** The options as commander has them. */
type ParsedOptions = Omit<ExperimentArguments, "names" | "scale" | "reportOnly"> & {
  scale?: string;
  quick?: true;
  reportOnly?: true;
};

/** An option of training whose default is the scale's value. */
const ofScale = <T>(flag: Flag<T>): Flag<T> => ({ ...flag, otherwise: "the scale's" });

/** The options by their headings. */
function flagGroups(scales: ExperimentChoices["scales"]) {
  return {
    experiments: {
      scale: flag(
        choice(...scales.map(({ name }) => name)),
        scales.map(({ name, about }) => `${name}: ${about}`).join("; "),
        "full",
      ),
      seeds: flag(
        integer({ min: 1, max: 100 }),
        "number of seeds each row is trained with",
        "three for baselines and some others, one for the rest",
      ),
    },
    "in place of the scale's": {
      data: ofScale(trainFlags.data),
      limit: ofScale(trainFlags.limit),
      holdout: ofScale(trainFlags.holdout),
      epochs: ofScale(trainFlags.epochs),
    },
    output: { out: flag(text("DIR"), "folder for results and report", "docs/results/<scale>") },
  };
}

/** The command with all its options. */
function experimentsCommand({ experiments, scales }: ExperimentChoices) {
  const list = experiments.map(({ name, title }) => `  ${name.padEnd(15)} ${title}`).join("\n");
  const about =
    "Repeats the paper's experiments, and reports the results beside the paper's figures. Runs that are done are not " +
    `repeated.\n\nThe experiments:\n${list}`;
  return createCommand("experiments", { about, groups: flagGroups(scales) })
    .argument("[name...]", "the experiments to run (default: all)")
    .optionsGroup("Experiments:")
    .option("--quick", "the same as --scale quick")
    .option("--report-only", "run nothing, and make the report from existing results");
}

/**
 * Reads the arguments of src/cli/experiments.ts. Prints nothing and never exits.
 *
 * @throws {UserError} on an unknown experiment or option, and on a value of the wrong type or range.
 */
export function parseExperimentOptions(
  args: readonly string[],
  choices: ExperimentChoices,
): ExperimentArguments | Help {
  const command = experimentsCommand(choices), options = parseCommand<ParsedOptions>(command, args);
  if ("help" in options) return options;
  const { quick, scale, reportOnly = false, ...others } = options;
  if (quick && scale !== undefined && scale !== "quick") {
    throw new UserError(
      `Cannot use --quick with --scale ${scale}: --quick is a scale. Leave out one of them.`,
    );
  }
  const known = choices.experiments.map(({ name }) => name);
  const unknown = command.args.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new UserError(`Cannot run the experiment "${unknown}": it must be one of ${known.join(", ")}.`);
  }
  const names = command.args.length > 0 ? command.args : known;
  return { ...others, names, scale: quick ? "quick" : scale ?? "full", reportOnly };
}

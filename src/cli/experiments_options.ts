/**
 * The command line of src/cli/experiments.ts.
 *
 * @module
 */
import type { ExperimentArguments } from "../experiments/arguments.ts";
import { UserError } from "../base/errors.ts";
import { type Flag, flag } from "../config/flag.ts";
import { createCommand, type Help, parseCommand } from "./command.ts";
import { choice, integer, text } from "../config/option_types.ts";
import { trainFlags } from "../config/train_flags.ts";

/** What there is to choose from. */
export interface ExperimentChoices {
  /** Names of experiments, each with its title. */
  experiments: readonly { name: string; title: string }[];
  scales: readonly { name: string; about: string }[];
}

/** An option of training that has the scale's value if it is not given. */
const ofScale = <T>(flag: Flag<T>): Flag<T> => ({ ...flag, otherwise: "the scale's" });

/**
 * Reads the arguments of src/cli/experiments.ts. Prints nothing and never exits.
 *
 * @throws {UserError} on an unknown experiment or option, and on a value of the wrong type or range.
 */
export function parseExperimentOptions(
  args: readonly string[],
  { experiments, scales }: ExperimentChoices,
): ExperimentArguments | Help {
  const groups = {
    experiments: {
      scale: flag(
        choice(...scales.map(({ name }) => name)),
        scales.map(({ name, about }) => `${name}: ${about}`).join("; "),
        "full",
      ),
      seeds: flag(
        integer({ min: 1, max: 100 }),
        "how often each row is trained",
        "three for baselines and some others, one for the rest",
      ),
    },
    "in place of the scale's": {
      data: ofScale(trainFlags.data),
      limit: ofScale(trainFlags.limit),
      holdout: ofScale(trainFlags.holdout),
      epochs: ofScale(trainFlags.epochs),
    },
    output: { out: flag(text("DIR"), "folder for results and report", "experiments/results/<scale>") },
  };
  const list = experiments.map(({ name, title }) => `  ${name.padEnd(15)} ${title}`).join("\n");
  const command = createCommand("experiments", {
    about:
      "Repeats the paper's experiments, and reports them beside the paper's figures. What is done already is not done " +
      `again.\n\nThe experiments:\n${list}`,
    groups,
  });
  command.argument("[name...]", "which of them (default: all)")
    .optionsGroup("Experiments:")
    .option("--quick", "the same as --scale quick")
    .option("--report-only", "run nothing: make the report of the results that are there");
  const options = parseCommand<
    Omit<ExperimentArguments, "names" | "scale" | "reportOnly"> & {
      scale?: string;
      quick?: true;
      reportOnly?: true;
    }
  >(command, args);
  if ("help" in options) return options;
  const { quick, scale, reportOnly = false, ...others } = options;
  if (quick && scale !== undefined && scale !== "quick") {
    throw new UserError(
      `Cannot use --quick and --scale ${scale} together as --quick is a scale. Leave one of them out.`,
    );
  }
  const unknown = command.args.find((name) => !experiments.some((experiment) => experiment.name === name));
  if (unknown !== undefined) {
    throw new UserError(
      `Cannot run the experiment ${unknown} as it must be one of ${
        experiments.map(({ name }) => name).join(", ")
      }.`,
    );
  }
  const names = command.args.length ? command.args : experiments.map(({ name }) => name);
  return { ...others, names, scale: quick ? "quick" : scale ?? "full", reportOnly };
}

/**
 * The command line of src/cli/evaluate.ts.
 *
 * @module
 */
import { createCommand, type Help, parseCommand } from "./command.ts";
import { evaluateFlagGroups, type GivenEvaluateFlags } from "../config/evaluate_flags.ts";

/**
 * Reads the arguments of src/cli/evaluate.ts. Prints nothing and never exits.
 *
 * @throws {UserError} on an unknown option, naming the nearest known one, and on a value of the wrong type or range.
 */
export function parseEvaluateOptions(args: readonly string[]): GivenEvaluateFlags | Help {
  const about = "Tells what an encoder's features are worth: kNN and a linear classifier on labelled images.";
  const command = createCommand("evaluate", { about, groups: evaluateFlagGroups })
    .optionsGroup("Fine-tuning:")
    .option("--finetune", "also train the encoder itself on the labels, with a classifier on top")
    .optionsGroup("Output:")
    .option(
      "--map",
      "also draw the test samples' features on a plane: map_pca.svg and map_umap.svg, …_untrained.svg",
    );
  return parseCommand<GivenEvaluateFlags>(command, args);
}

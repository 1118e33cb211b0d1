/**
 * The command line of src/cli/preview.ts.
 *
 * @module
 */
import { type Flag, flag } from "../config/flag.ts";
import { createCommand, type Help, parseCommand } from "./command.ts";
import { integer, text } from "../config/option_types.ts";
import { trainFlags } from "../config/train_flags.ts";

const { data, split, recipe, stretch, size, decodeSize, minSide, seed } = trainFlags;

const previewFlags = {
  data,
  split,
  recipe,
  stretch,
  size,
  decodeSize,
  minSide,
  seed,
  count: flag(integer({ min: 1, max: 64 }), "number of images, spread over the data", 8),
  out: flag(text("FILE.png"), "the picture to write", "preview.png"),
};

/** The options given to src/cli/preview.ts. */
export type PreviewArguments = {
  [K in keyof typeof previewFlags]?: typeof previewFlags[K] extends Flag<infer T> ? T : never;
};

/**
 * Reads the arguments of src/cli/preview.ts. Prints nothing and never exits.
 *
 * @throws {UserError} on an unknown option, naming the nearest known one, and on a value of the wrong type or range.
 */
export function parsePreviewOptions(args: readonly string[]): PreviewArguments | Help {
  const about = "Draws a sheet of the views that training would use, with the parameters of each.";
  return parseCommand<PreviewArguments>(
    createCommand("preview", { about, groups: { preview: previewFlags }, computes: false }),
    args,
  );
}

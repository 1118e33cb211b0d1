/**
 * The command line of src/cli/preview.ts.
 *
 * @module
 */
import { type Flag, flag } from "../config/flag.ts";
import { createCommand, type Help, parseCommand } from "./command.ts";
import { integer, text } from "../config/option_types.ts";
import { trainFlags } from "../config/train_flags.ts";

const { data, recipe, size, decodeSize, seed } = trainFlags;

const previewFlags = {
  data,
  recipe,
  size,
  decodeSize,
  seed,
  count: flag(integer({ min: 1, max: 64 }), "how many images, spread over the data", 8),
  out: flag(text("FILE.png"), "the picture to write", "preview.png"),
};

/** The values of the options of src/cli/preview.ts that were given. */
export type GivenPreviewFlags = {
  [K in keyof typeof previewFlags]?: typeof previewFlags[K] extends Flag<infer T> ? T : never;
};

/**
 * Reads the arguments of src/cli/preview.ts. Prints nothing and never exits.
 *
 * @throws {UserError} on an unknown option, naming the nearest known one, and on a value of the wrong type or range.
 */
export function parsePreviewOptions(args: readonly string[]): GivenPreviewFlags | Help {
  const about = "Draws a sheet of the views that training would learn from, with what was drawn for them.";
  return parseCommand<GivenPreviewFlags>(
    createCommand("preview", { about, groups: { preview: previewFlags } }),
    args,
  );
}

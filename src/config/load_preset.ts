/**
 * The preset that `--preset` names.
 *
 * @module
 */
import { dirname, resolve } from "node:path";
import { isRecipeName } from "../../data/views/recipe.ts";
import { parsePreset, presetByName } from "./preset_fields.ts";
import { isPresetName, presetFiles } from "./preset_files.ts";
import type { GivenTrainFlags } from "./train_flags.ts";
import { messageOf, UserError } from "../base/errors.ts";

/**
 * The options that `nameOrPath` sets: a built-in preset, or a JSON file's. A recipe's file in it is seen from its folder.
 *
 * @throws {UserError} if there is no such preset or file, and on a mistake in the file, with the field that has it.
 *
 * @example
 * ```ts
 * import { loadPreset } from "./load_preset.ts";
 *
 * console.log((await loadPreset("paper-300")).baseLr); // 0.3
 * ```
 */
export async function loadPreset(nameOrPath: string): Promise<GivenTrainFlags> {
  if (isPresetName(nameOrPath)) return presetByName(nameOrPath);
  let value: unknown;
  try {
    value = JSON.parse(await Deno.readTextFile(nameOrPath));
  } catch (error) {
    const [expected, remedy] = error instanceof SyntaxError ? ["be JSON", "Correct it"] : [
      "be a file that can be read",
      `Check --preset, or name one of ${Object.keys(presetFiles).join(", ")}`,
    ];
    throw new UserError(
      `Cannot use the preset ${nameOrPath} as it must ${expected}: ${messageOf(error)}. ${remedy}.`,
      { cause: error },
    );
  }
  const fields = parsePreset(value, nameOrPath), { recipe } = fields;
  if (recipe === undefined || isRecipeName(recipe)) return fields;
  return { ...fields, recipe: resolve(dirname(nameOrPath), recipe) };
}

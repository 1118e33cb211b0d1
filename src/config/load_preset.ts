/**
 * The preset that an option names.
 *
 * @module
 */
import { dirname, resolve } from "node:path";
import { isRecipeName } from "../../data/views/recipe.ts";
import { readJsonOption } from "./json_option.ts";
import { parsePreset, presetByName } from "./preset_fields.ts";
import { isPresetName, presetFiles } from "./preset_files.ts";
import type { PretrainOptions } from "./pretrain_options.ts";

/**
 * The options that a preset sets: a built-in one by its name, or that of a JSON file, which finds its recipe's file
 * beside itself.
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
export async function loadPreset(nameOrPath: string): Promise<PretrainOptions> {
  if (isPresetName(nameOrPath)) return presetByName(nameOrPath);
  const names = Object.keys(presetFiles).join(", ");
  const fields = parsePreset(await readJsonOption(nameOrPath, { option: "preset", names }), nameOrPath);
  const { recipe } = fields;
  if (typeof recipe !== "string" || isRecipeName(recipe)) return fields;
  return { ...fields, recipe: resolve(dirname(nameOrPath), recipe) };
}

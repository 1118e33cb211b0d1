/**
 * The preset that an option names.
 *
 * @module
 */
import { dirname, join, resolve } from "node:path";
import { isRecipeName } from "../../data/views/recipe.ts";
import { exists } from "../base/files.ts";
import { isImageSource } from "./check_options.ts";
import { readJsonOption } from "./json_option.ts";
import { isRunConfig, parsePreset, presetByName } from "./preset_fields.ts";
import { isPresetName, presetFiles } from "./preset_files.ts";
import type { PretrainOptions, PretrainSettings } from "./pretrain_options.ts";
import { absoluteSource, absoluteWeights } from "./source_paths.ts";

/**
 * The options that a preset sets: a built-in one by its name, or that of a JSON file, whose paths count from its folder.
 * The file may be config.json of a run: its options are then those of the run, but for `out`.
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
  return (await readPreset(nameOrPath)).fields;
}

/** What {@linkcode loadPreset} returns, and whether it is of a run whose data was a source of a program. */
export async function readPreset(
  nameOrPath: string,
): Promise<{ fields: PretrainSettings; lacksData: boolean }> {
  if (isPresetName(nameOrPath)) return { fields: presetByName(nameOrPath), lacksData: false };
  const names = Object.keys(presetFiles).join(", ");
  const value = await readJsonOption(nameOrPath, { option: "preset", names });
  const fields = withPaths(parsePreset(value, nameOrPath), dirname(nameOrPath));
  const config = value as Record<string, unknown>;
  if (!isRunConfig(config)) return { fields, lacksData: false };
  const { recipe } = fields, kept = join(dirname(nameOrPath), "recipe.json");
  // A run keeps its recipe: the file that it came from may be gone.
  const isFile = typeof recipe === "string" && !isRecipeName(recipe);
  return {
    fields: isFile && await exists(kept) ? { ...fields, recipe: kept } : fields,
    lacksData: config.data === null,
  };
}

/** `fields` with paths that are found from any folder, counted from `folder`. */
export function withPaths(fields: PretrainSettings, folder: string): PretrainSettings {
  const { recipe, data, init, out } = fields;
  return {
    ...fields,
    ...typeof recipe === "string" && !isRecipeName(recipe) && { recipe: resolve(folder, recipe) },
    ...data !== undefined && !isImageSource(data) && { data: absoluteSource(data, folder) },
    ...init !== undefined && { init: absoluteWeights(init, folder) },
    ...out !== undefined && { out: resolve(folder, out) },
  };
}

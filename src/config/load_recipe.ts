/**
 * The recipe that `--recipe` names, and the one that a run keeps.
 *
 * @module
 */
import { join } from "node:path";
import { checkBlurFits, parseRecipe } from "../../data/views/parse_recipe.ts";
import { isRecipeName, type Recipe, recipeByName, recipes } from "../../data/views/recipe.ts";
import { type ResolvedOptions, resolveOptions } from "./train_defaults.ts";
import type { PretrainOptions } from "./train_flags.ts";
import { messageOf, UserError } from "../base/errors.ts";
import { writeJson } from "../io/json_file.ts";
import { loadPreset } from "./load_preset.ts";

/**
 * The recipe that `nameOrPath` means: a built-in one, or that of a JSON file.
 *
 * @throws {UserError} if there is no such recipe or file, and on a mistake in the file, with the field that has it.
 *
 * @example
 * ```ts
 * import { loadRecipe } from "./load_recipe.ts";
 *
 * console.log((await loadRecipe("simclr")).views[0].jitter?.hue); // 0.2
 * ```
 */
export async function loadRecipe(nameOrPath: string): Promise<Recipe> {
  if (isRecipeName(nameOrPath)) return recipes[nameOrPath];
  if (!/\.json$/i.test(nameOrPath)) return recipeByName(nameOrPath); // which says what there is
  return await readRecipe(nameOrPath);
}

async function readRecipe(path: string): Promise<Recipe> {
  let value: unknown;
  try {
    value = JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    const [expected, remedy] = error instanceof SyntaxError
      ? ["be JSON", "Correct it"]
      : ["be a file that can be read", `Check --recipe, or name one of ${Object.keys(recipes).join(", ")}`];
    throw new UserError(
      `Cannot use the recipe ${path} as it must ${expected}: ${messageOf(error)}. ${remedy}.`,
      { cause: error },
    );
  }
  return parseRecipe(value, path);
}

/** Every option of a run, and the recipe among them in full: a recipe of a file may have a size of its own. */
export async function optionsWithRecipe(
  given: PretrainOptions,
): Promise<{ options: ResolvedOptions; recipe: Recipe }> {
  const preset = given.preset === undefined ? undefined : await loadPreset(given.preset);
  const name = given.recipe ?? preset?.recipe;
  const named = name === undefined ? undefined : await loadRecipe(name);
  const options = resolveOptions(given, { recipe: named, preset });
  const recipe = named ?? recipeByName(options.recipe);
  checkBlurFits(recipe, options.size);
  if (options.decodeSize < options.size) {
    throw new UserError(
      `Cannot make views of ${options.size} pixels of images shrunk to ${options.decodeSize}: --decode-size must be at ` +
        `least --size. Raise it, or lower --size.`,
    );
  }
  return { options, recipe };
}

const recipePath = (out: string) => join(out, "recipe.json");

/** Keeps `recipe` in the run's folder: it outlives the file that it was read from, and a version of this program. */
export async function writeRunRecipe(out: string, recipe: Recipe): Promise<void> {
  await writeJson(recipePath(out), recipe);
}

/**
 * The recipe of the run in `out`, which began with the name `began`; `given` is what `--recipe` says now, if anything.
 *
 * @throws {UserError} if `given` means another recipe than the run began with. A file that is gone means none.
 */
export async function runRecipe(
  out: string,
  { began, given }: { began: string; given: string | undefined },
): Promise<Recipe> {
  const kept = await readRecipe(recipePath(out)).catch((error) => {
    // Runs of versions before recipe.json had built-in recipes only.
    if (error.cause instanceof Deno.errors.NotFound && isRecipeName(began)) return recipes[began];
    throw error;
  });
  if (given === undefined) return kept;
  const now = await loadRecipe(given).catch((error) => {
    if (error.cause instanceof Deno.errors.NotFound && given === began) return kept;
    throw error;
  });
  if (sameRecipe(kept, now)) return kept;
  throw new UserError(
    `Cannot resume the run in ${out} with the recipe ${given} as it must be the one that the run began with, kept in ` +
      `${recipePath(out)}: it is another. Leave --recipe out, or begin a new run.`,
  );
}

/** Whether two recipes draw and normalise alike, whatever they are called. */
export function sameRecipe(a: Recipe, b: Recipe): boolean {
  // The parser gives all fields in one order.
  const text = (recipe: Recipe) => JSON.stringify({ ...parseRecipe(recipe, recipe.name), name: "" });
  return text(a) === text(b);
}

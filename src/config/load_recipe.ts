/**
 * The recipe that an option names, and the one that a run keeps.
 *
 * @module
 */
import { join } from "node:path";
import { checkBlurFits, parseRecipe } from "../../data/views/parse_recipe.ts";
import { isRecipeName, type Recipe, recipeByName, recipes, type Stretch } from "../../data/views/recipe.ts";
import { UserError } from "../base/errors.ts";
import { writeJson } from "../io/json_file.ts";
import { expectSize } from "./backbone.ts";
import { expectLossScaleUsed } from "./expect_loss_scale.ts";
import { readJsonOption } from "./json_option.ts";
import { readPreset } from "./load_preset.ts";
import type { PretrainOptions } from "./pretrain_options.ts";
import { resolveOptions } from "./resolve_options.ts";
import type { ResolvedOptions } from "./resolved_options.ts";

/**
 * A recipe: a built-in one by its name, or that of a JSON file.
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
  if (!/\.json$/i.test(nameOrPath)) return recipeByName(nameOrPath); // which names the known ones
  return await readRecipe(nameOrPath);
}

async function readRecipe(path: string): Promise<Recipe> {
  const names = Object.keys(recipes).join(", ");
  return parseRecipe(await readJsonOption(path, { option: "recipe", names }), path);
}

/** The recipe that an option means: a name, a path or a recipe itself. */
async function recipeOf(option: string | Recipe): Promise<Recipe> {
  return typeof option === "string" ? await loadRecipe(option) : parseRecipe(option, "options.recipe");
}

/**
 * Every option of a run, and its recipe, which may have a size of its own. `hasOut`: whether `out` was chosen, not derived.
 *
 * @throws {UserError} on options that cannot be used, alone or together.
 */
export async function optionsWithRecipe(
  given: PretrainOptions,
): Promise<{ options: ResolvedOptions; recipe: Recipe; hasOut: boolean }> {
  const { fields: preset, lacksData = false } = given.preset === undefined
    ? {}
    : await readPreset(given.preset);
  if (lacksData && given.data === undefined) {
    throw new UserError(
      `Cannot use the preset "${given.preset}" without data: its run was on a source of a program. Add --data SOURCE.`,
    );
  }
  const named = given.recipe ?? preset?.recipe;
  const loaded = named === undefined ? undefined : await recipeOf(named);
  const options = resolveOptions(given, { recipe: loaded, preset });
  expectLossScaleUsed(given, options);
  const recipe = withStretch(loaded ?? await recipeOf(options.recipe), options.stretch);
  checkBlurFits(recipe, options.size);
  expectSize(options.backbone, options);
  if (options.decodeSize < options.size) {
    throw new UserError(
      `Cannot draw views of ${options.size} px from images reduced to ${options.decodeSize} px: --decode-size must be ` +
        `at least --size. Raise it, or lower --size.`,
    );
  }
  return { options, recipe, hasOut: (given.out ?? preset?.out) !== undefined };
}

/** `recipe` with the stretch that the option `stretch` asks for. */
function withStretch(recipe: Recipe, stretch: Stretch | "none"): Recipe {
  const { stretch: before = "none", ...others } = recipe;
  if (before === stretch) return recipe;
  return stretch === "none" ? others : { ...others, stretch };
}

const recipePath = (out: string) => join(out, "recipe.json");

/** Writes `recipe` to the run's folder, which then needs neither the file it came from nor this version's built-in ones. */
export async function writeRunRecipe(out: string, recipe: Recipe): Promise<void> {
  await writeJson(recipePath(out), recipe);
}

/**
 * The recipe of the run in `out`. `began` is the option that the run began with, `given` the option now, if any; `stretch`
 * is that of the run.
 *
 * @throws {UserError} if `given` is another recipe than the run's. A file named as before may be gone.
 */
export async function runRecipe(
  out: string,
  { began, given, stretch }: {
    began: string | Recipe;
    given: string | Recipe | undefined;
    stretch: Stretch | "none";
  },
): Promise<Recipe> {
  const kept = await readRecipe(recipePath(out));
  if (given === undefined) return kept;
  const now = await recipeOf(given).then((recipe) => withStretch(recipe, stretch), (error) => {
    if (error.cause instanceof Deno.errors.NotFound && given === began) return kept;
    throw error;
  });
  if (sameRecipe(kept, now)) return kept;
  throw new UserError(
    `Cannot resume the run in "${out}" with the recipe "${now.name}": it began with another one, kept in ` +
      `${recipePath(out)}. Leave out --recipe, or begin a new run.`,
  );
}

/** Whether two recipes draw and normalize views in the same way, apart from their names. */
export function sameRecipe(a: Recipe, b: Recipe): boolean {
  // The parser puts fields in one order.
  const text = (recipe: Recipe) => JSON.stringify({ ...parseRecipe(recipe, recipe.name), name: "" });
  return text(a) === text(b);
}

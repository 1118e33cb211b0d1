/** Recipes from files, and the one that a run keeps. */
import { join } from "node:path";
import { recipes } from "../../data/views/recipe.ts";
import { UserError } from "../../src/base/errors.ts";
import { saveCheckpoint } from "../../src/io/checkpoint.ts";
import { loadRecipe, optionsWithRecipe } from "../../src/config/load_recipe.ts";
import { newRun, writeConfig } from "../../src/run/folder.ts";
import { resumedRun } from "../../src/run/resumed_run.ts";
import { recordedOptions } from "../../src/run/recorded_options.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { temporaryFolder } from "../io/temporary_folder.ts";

const facts = { fingerprint: "images", totalSteps: 9 };
const mine = { name: "mine", size: 48, views: [{ flip: .5 }, { grayscale: 1 }] };

/** A folder with the recipe in a file, and a run that was started with it. */
async function begun() {
  const folder = await temporaryFolder();
  const file = join(folder.path, "mine.json"), out = join(folder.path, "run");
  await Deno.writeTextFile(file, JSON.stringify(mine));
  const { run, lock } = await newRun({ recipe: file, out });
  await lock[Symbol.asyncDispose]();
  await writeConfig(run, facts);
  return { file, out, ...run, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

Deno.test("loadRecipe() reads a name or a file, and refuses mistakes", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "mine.json");
  await Deno.writeTextFile(file, JSON.stringify(mine));
  assertEquals(await loadRecipe("simclr"), recipes.simclr);
  assertEquals(await loadRecipe(file), {
    name: "mine",
    views: mine.views,
    mean: recipes.byol.mean,
    std: recipes.byol.std,
    size: 48,
  });
  await Deno.writeTextFile(file, "{ views: [] }");
  await assertThrows(
    () => loadRecipe(file),
    UserError,
    /mine\.json": it is no valid JSON: .*\. Correct it\.$/,
  );
  await Deno.writeTextFile(file, '{ "views": [{ "flip": 2 }] }');
  await assertThrows(
    () => loadRecipe(file),
    UserError,
    /mine\.json": views\[0\]\.flip is 2/,
  );
  const missing = join(folder.path, "no.json");
  await assertThrows(() => loadRecipe(missing), UserError, /no\.json": .*Check --recipe, or .*byol, simclr/);
  await assertThrows(
    () => loadRecipe("bjol"),
    UserError,
    /bjol.*one of byol, simclr|one of byol, simclr.*bjol/,
  );
});

Deno.test("optionsWithRecipe() takes the recipe's size by default and checks the run's", async () => {
  await using folder = await temporaryFolder();
  const recipe = join(folder.path, "mine.json");
  await Deno.writeTextFile(recipe, JSON.stringify(mine));
  const { options } = await optionsWithRecipe({ data: "d", recipe });
  assertEquals([options.size, options.recipe, options.stem], [48, recipe, "cifar"]);
  assertEquals((await optionsWithRecipe({ data: "d", recipe, size: 96 })).options.stem, "imagenet");
  assertEquals((await optionsWithRecipe({ data: "d", size: 96 })).recipe, recipes.byol);
  await Deno.writeTextFile(
    recipe,
    JSON.stringify({ ...mine, views: [{ blur: { sigma: [1, 2], kernelSize: 99 } }] }),
  );
  await assertThrows(() => optionsWithRecipe({ recipe }), UserError, /blur\.kernelSize is 99, more than 95/);
});

Deno.test("optionsWithRecipe() stretches as the option says, else as the recipe does", async () => {
  const stretched = { ...recipes.none, stretch: "percentile" } as const;
  const stretchOf = async (given: Parameters<typeof optionsWithRecipe>[0]) => {
    const { options, recipe } = await optionsWithRecipe({ data: "d", ...given });
    return [options.stretch, recipe.stretch, "stretch" in recipe];
  };
  const none = ["none", undefined, false], percentile = ["percentile", "percentile", true];
  assertEquals(await stretchOf({}), none);
  assertEquals(await stretchOf({ stretch: "percentile" }), percentile);
  assertEquals(await stretchOf({ recipe: "byol", stretch: "percentile" }), percentile);
  assertEquals(await stretchOf({ recipe: stretched }), percentile);
  assertEquals(await stretchOf({ recipe: stretched, stretch: "none" }), none);
  assertEquals("stretch" in recipes.byol, false);
});

Deno.test("resumedRun() has the run's recipe when the file is gone", async () => {
  await using run = await begun();
  assertEquals(JSON.parse(await Deno.readTextFile(join(run.out, "recipe.json"))), run.recipe);
  await Deno.remove(run.file);
  for (const given of [{}, { recipe: run.file }]) {
    const resumed = await resumedRun(run.out, given);
    assertEquals([resumed.recipe, resumed.options], [run.recipe, run.options]);
  }
  await assertThrows(
    () => resumedRun(run.out, { recipe: join(run.out, "other.json") }),
    UserError,
    /other\.json": it cannot be read/,
  );
});

Deno.test("resumedRun() ignores a changed recipe file, and refuses it if it is given", async () => {
  await using run = await begun();
  // The same recipe under another name and in another form.
  const copy = join(run.out, "copy.json");
  await Deno.writeTextFile(copy, JSON.stringify({ views: mine.views, size: 48 }));
  assertEquals((await resumedRun(run.out, { recipe: copy })).options, run.options);
  await Deno.writeTextFile(run.file, JSON.stringify({ ...mine, views: [{ flip: .4 }] }));
  assertEquals((await resumedRun(run.out)).recipe, run.recipe);
  for (const recipe of [run.file, "byol"]) {
    await assertThrows(
      () => resumedRun(run.out, { recipe }),
      UserError,
      /it began with another one, kept in .*recipe\.json\. Leave out --recipe/,
    );
  }
});

Deno.test("resumedRun() refuses a recipe.json that is not the checkpoint's", async () => {
  await using run = await begun();
  const metadata = { config: recordedOptions(run.options), recipe: run.recipe };
  await saveCheckpoint(run.out, { step: 1, tensors: new Map(), metadata }, { keep: 1 });
  assertEquals((await resumedRun(run.out)).recipe, run.recipe);
  await writeConfig({ ...run, recipe: { ...run.recipe, mean: [0, 0, 0] } }, facts);
  await assertThrows(
    () => resumedRun(run.out),
    UserError,
    /recipe\.json is not the recipe that .*step-/,
  );
});

Deno.test("resumedRun() refuses a run without recipe.json", async () => {
  await using run = await begun();
  await Deno.remove(join(run.out, "recipe.json"));
  await assertThrows(() => resumedRun(run.out), UserError, /run\/recipe\.json": it cannot be read/);
});

Deno.test("optionsWithRecipe() refuses to reduce images below the size of a view", async () => {
  await assertThrows(
    () => optionsWithRecipe({ data: "d", size: 64, decodeSize: 63 }),
    UserError,
    /views of 64 px from images reduced to 63 px: --decode-size must be at least --size/,
  );
  assertEquals((await optionsWithRecipe({ data: "d", size: 64, decodeSize: 64 })).options.decodeSize, 64);
});

Deno.test("resumedRun() refuses a config.json of another version, which lacks options", async () => {
  await using run = await begun();
  const { decodeSize: _, ...others } = run.options;
  await Deno.writeTextFile(join(run.out, "config.json"), JSON.stringify(others));
  await assertThrows(
    () => resumedRun(run.out),
    UserError,
    /it lacks decodeSize, as if another program or version/,
  );
});

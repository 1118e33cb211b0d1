/** Recipes of files, and the one that a run keeps. */
import { join } from "node:path";
import { recipes } from "../../data/views/recipe.ts";
import { UserError } from "../../src/base/errors.ts";
import { saveCheckpoint } from "../../src/io/checkpoint.ts";
import { loadRecipe, optionsWithRecipe } from "../../src/config/load_recipe.ts";
import { newRun, recordedOptions, resumedRun, writeConfig } from "../../src/run/folder.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { temporaryFolder } from "../io/temporary_folder.ts";

const mine = { name: "mine", size: 48, views: [{ flip: .5 }, { grayscale: 1 }] };

/** A folder with the recipe in a file, and the begun run of it. */
async function begun() {
  const folder = await temporaryFolder();
  const file = join(folder.path, "mine.json"), out = join(folder.path, "run");
  await Deno.writeTextFile(file, JSON.stringify(mine));
  const run = await newRun({ recipe: file, out });
  await writeConfig(run.options, { recipe: run.recipe });
  return { file, out, ...run, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

Deno.test("a recipe is loaded by its name or from a file", async () => {
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
  await assertThrows(() => loadRecipe(file), UserError, /mine\.json as it must be JSON: .*\. Correct it\.$/);
  await Deno.writeTextFile(file, '{ "views": [{ "flip": 2 }] }');
  await assertThrows(
    () => loadRecipe(file),
    UserError,
    /mine\.json": views\[0\]\.flip is 2\. It must be/,
  );
  const missing = join(folder.path, "no.json");
  await assertThrows(() => loadRecipe(missing), UserError, /no\.json as .*Check --recipe, or .*byol, simclr/);
  await assertThrows(() => loadRecipe("bjol"), UserError, /"bjol": .*one of byol, simclr/);
});

Deno.test("a recipe of a file brings its size, and must suit the run's", async () => {
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
  await assertThrows(
    () => optionsWithRecipe({ recipe }),
    UserError,
    /blur\.kernelSize is 99, more than 95\./,
  );
});

Deno.test("a run keeps its recipe, and goes on with it when the file is gone", async () => {
  await using run = await begun();
  assertEquals(JSON.parse(await Deno.readTextFile(join(run.out, "recipe.json"))), run.recipe);
  await Deno.remove(run.file);
  for (const given of [{ out: run.out }, { out: run.out, recipe: run.file }]) {
    const resumed = await resumedRun(given);
    assertEquals([resumed.recipe, resumed.options], [run.recipe, run.options]);
  }
  await assertThrows(
    () => resumedRun({ out: run.out, recipe: join(run.out, "other.json") }),
    UserError,
    /other\.json as it must be a file/,
  );
});

Deno.test("a resumed run does not follow its file; told to, it refuses", async () => {
  await using run = await begun();
  // The same under another name and in other words is the same.
  const copy = join(run.out, "copy.json");
  await Deno.writeTextFile(copy, JSON.stringify({ views: mine.views, size: 48 }));
  assertEquals((await resumedRun({ out: run.out, recipe: copy })).options, run.options);
  await Deno.writeTextFile(run.file, JSON.stringify({ ...mine, views: [{ flip: .4 }] }));
  assertEquals((await resumedRun({ out: run.out })).recipe, run.recipe);
  for (const recipe of [run.file, "byol"]) {
    await assertThrows(
      () => resumedRun({ out: run.out, recipe }),
      UserError,
      /must be the one that the run began with.*recipe\.json: it is another. Leave --recipe out/,
    );
  }
});

Deno.test("a recipe.json that is not the checkpoint's is refused", async () => {
  await using run = await begun();
  const metadata = { config: recordedOptions(run.options), recipe: run.recipe };
  await saveCheckpoint(run.out, { step: 1, tensors: new Map(), metadata }, { keep: 1 });
  assertEquals((await resumedRun({ out: run.out })).recipe, run.recipe);
  await writeConfig(run.options, { recipe: { ...run.recipe, mean: [0, 0, 0] } });
  await assertThrows(
    () => resumedRun({ out: run.out }),
    UserError,
    /recipe\.json must be the recipe that .*step-/,
  );
});

Deno.test("runs of before recipe.json have a built-in recipe; of a file's there is nothing to go on with", async () => {
  await using run = await begun();
  await Deno.remove(join(run.out, "recipe.json"));
  await assertThrows(() => resumedRun({ out: run.out }), UserError, /run\/recipe\.json as it must be a file/);
  await writeConfig({ ...run.options, recipe: "cifar" });
  assertEquals((await resumedRun({ out: run.out })).recipe, recipes.cifar);
});

Deno.test("images are not shrunk below the size of a view", async () => {
  await assertThrows(
    () => optionsWithRecipe({ data: "d", size: 64, decodeSize: 63 }),
    UserError,
    /views of 64 pixels of images shrunk to 63: --decode-size must be at least --size/,
  );
  assertEquals((await optionsWithRecipe({ data: "d", size: 64, decodeSize: 64 })).options.decodeSize, 64);
});

Deno.test("a run of a version that drew other views is not gone on with", async () => {
  await using run = await begun();
  const { decodeSize: _, ...before } = run.options;
  await Deno.writeTextFile(join(run.out, "config.json"), JSON.stringify(before));
  await assertThrows(() => resumedRun({ out: run.out }), UserError, /older version, which drew other views/);
});

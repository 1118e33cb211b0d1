import { blurTaps, drawView, evaluationView } from "../../../data/views/draw.ts";
import { expectTapsFit, parseRecipe } from "../../../data/views/parse_recipe.ts";
import { recipeByName, recipes, type ViewRecipe } from "../../../data/views/recipe.ts";
import { UserError } from "../../../src/base/errors.ts";
import { keyedRandom } from "../../../src/base/random.ts";
import { assertEquals, assertThrows } from "../../assert.ts";

Deno.test("simclr has the paper's one distribution for both views, none has no chance in it", () => {
  const [first, second] = recipes.simclr.views;
  assertEquals(first, {
    crop: { area: [.08, 1], ratio: [3 / 4, 4 / 3] },
    flip: .5,
    jitter: { p: .8, brightness: .8, contrast: .8, saturation: .8, hue: .2 },
    grayscale: .2,
    blur: { p: .5, sigma: [.1, 2] },
  });
  assertEquals(second, first);
  const sizes = { width: 90, height: 60, size: 32 };
  for (const view of recipes.none.views) {
    for (let i = 0; i < 20; i++) {
      assertEquals(drawView(view, sizes, keyedRandom(1, 0, i)), evaluationView(sizes));
    }
  }
});

Deno.test("the recipes of before draw what they drew", async () => {
  const expected = { byol: "36ded690086e56c7", cifar: "0f397e98e7180536", shapes: "a3f03d5cf03ea524" };
  for (const [name, digest] of Object.entries(expected)) {
    const texts: string[] = [];
    for (let i = 0; i < 50; i++) {
      recipeByName(name).views.forEach((view, v) => {
        for (const sizes of [{ width: 320, height: 200, size: 224 }, { width: 20, height: 400, size: 32 }]) {
          texts.push(JSON.stringify(drawView(view, sizes, keyedRandom(5, 1, i, v))));
        }
      });
    }
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(texts.join()));
    assertEquals(new Uint8Array(hash).toHex().slice(0, 16), digest, name);
  }
});

Deno.test("any one operation may be left out, and the others are drawn as before", () => {
  const sizes = { width: 200, height: 150, size: 64 };
  const whole: Required<ViewRecipe> = {
    crop: { area: [.2, .5], ratio: [3 / 4, 4 / 3] },
    flip: .5,
    jitter: { p: 1, brightness: .4, contrast: .4, saturation: .2, hue: .1 },
    grayscale: 1,
    blur: { p: 1, sigma: [.1, 2], taps: 5 },
    solarize: { p: 1, threshold: .3 },
  };
  const neutral = { ...evaluationView(sizes), resized: undefined };
  for (const name of Object.keys(whole) as (keyof ViewRecipe)[]) {
    const { [name]: _, ...rest } = whole;
    for (let i = 0; i < 8; i++) {
      const all = drawView(whole, sizes, keyedRandom(2, 0, i));
      const without = drawView(rest, sizes, keyedRandom(2, 0, i));
      assertEquals({ ...without, resized: undefined }, { ...all, resized: undefined, [name]: neutral[name] });
      assertEquals(without.resized, name === "crop" ? evaluationView(sizes).resized : null);
      assertEquals(all.blur!.taps, 5);
    }
  }
});

Deno.test("built-in recipes are recipes of the format, and survive it", () => {
  for (const recipe of Object.values(recipes)) {
    assertEquals(parseRecipe(JSON.parse(JSON.stringify(recipe)), "elsewhere.json"), recipe);
  }
});

Deno.test("the example in docs/views.md is a valid recipe, and the page lists every built-in one", async () => {
  const page = await Deno.readTextFile(new URL("../../../docs/views.md", import.meta.url));
  const section = page.split(/^## /m).find((text) => text.startsWith("Recipes\n"))!;
  const recipe = parseRecipe(JSON.parse(/```json\n(.*?)```/s.exec(section)![1]), "docs/views.md");
  assertEquals([recipe.name, recipe.size, recipe.mean], ["my-photos", 96, recipes.byol.mean]);
  assertEquals(recipe.views[0].blur, { p: .5, sigma: [.1, 2], taps: 9 });
  assertEquals(recipe.views[1].crop, { area: [.08, 1], ratio: [3 / 4, 4 / 3] });
  // 9 taps are those that 96 px would have anyway.
  assertEquals(blurTaps(96), 9);
  for (const name of Object.keys(recipes)) assertEquals(section.includes(`| \`${name}\``), true, name);
});

Deno.test("what is left out has its default, in the recipe and in its operations", () => {
  assertEquals(parseRecipe({ views: [{}] }, "/a/my.set.json"), { ...recipes.none, name: "my.set" });
  const bare = {
    views: [{ crop: { area: [.2, 1] }, jitter: {}, blur: { sigma: [1, 1] }, solarize: {} }, {}],
  };
  const recipe = parseRecipe({ name: "n", size: 96, mean: [0, .5, 1], std: [1, .5, .1], ...bare }, "x.json");
  assertEquals(recipe, {
    name: "n",
    views: [{
      crop: { area: [.2, 1], ratio: [3 / 4, 4 / 3] },
      jitter: { p: 1, brightness: 0, contrast: 0, saturation: 0, hue: 0 },
      blur: { p: 1, sigma: [1, 1] },
      solarize: { p: 1, threshold: .5 },
    }, {}],
    mean: [0, .5, 1],
    std: [1, .5, .1],
    size: 96,
  });
  assertEquals(parseRecipe(recipe, "y.json"), recipe);
  // Both views are one if there is one.
  const one = parseRecipe({ views: [{ flip: .3 }] }, "x.json");
  assertEquals(one.views, [{ flip: .3 }, { flip: .3 }]);
});

Deno.test("the ends of each range are taken", () => {
  const view: ViewRecipe = {
    crop: { area: [1, 1], ratio: [1e-3, 1e3] },
    flip: 0,
    jitter: { p: 0, brightness: 5, contrast: 0, saturation: 0, hue: .5 },
    grayscale: 1,
    blur: { p: 1, sigma: [1e-9, 1e-9], taps: 1023 },
    solarize: { p: 1, threshold: 0 },
  };
  assertEquals(parseRecipe({ views: [view], size: 512 }, "x").views[1], view);
  assertEquals(parseRecipe({ views: [{ blur: { sigma: [1, 2], taps: 3 } }], size: 8 }, "x").size, 8);
});

const view = (view: unknown) => ({ views: [{}, view] });
const two = (words: string) =>
  new RegExp(`must be two numbers \\[low, high\\] above ${words}, low not above`);

const refused: [value: unknown, path: string, rest: RegExp][] = [
  [[], "its content", /must be an object with some of the fields name, views.*: current value is \[\]/],
  [null, "its content", /must be an object.*: current value is null/],
  ["byol", "its content", /must be an object.*: current value is "byol"/],
  [{}, "views", /must be a list of two views, or of one.*: current value is nothing/],
  [{ views: {} }, "views", /must be a list.*: current value is \{\}/],
  [{ views: [] }, "views", /must be a list.*: current value is \[\]/],
  [{ views: [{}, {}, {}] }, "views", /must be a list.*: current value is \[\{\},\{\},\{\}\]/],
  [{ views: [{}], sise: 3 }, "an unknown field sise", /expected some of name, views, mean, std, size/],
  [{ views: [{}], name: "" }, "name", /must be a text that is not empty: current value is ""/],
  [{ views: [{}], name: 3 }, "name", /must be a text/],
  [{ views: [{}], size: 7 }, "size", /must be a whole number from 8 to 512: current value is 7\./],
  [{ views: [{}], size: 513 }, "size", /whole number/],
  [{ views: [{}], size: 32.5 }, "size", /whole number/],
  [{ views: [{}], size: "32" }, "size", /whole number.*: current value is "32"/],
  [{ views: [{}], size: null }, "size", /whole number.*: current value is null/],
  [{ views: [{}], mean: .5 }, "mean", /must be three numbers, on the scale 0 to 1: current value is 0.5/],
  [{ views: [{}], mean: [.5, .5] }, "mean", /three numbers/],
  [{ views: [{}], mean: [.5, 123, .5] }, "mean\\[1\\]", /a number from 0 to 1: current value is 123/],
  [{ views: [{}], std: [.2, .2, 0] }, "std\\[2\\]", /a number above 0 and at most 1: current value is 0/],
  [{ views: [{}], std: [58, 57, 57] }, "std\\[0\\]", /a number above 0 and at most 1/],
  [view(3), "views\\[1\\]", /must be an object with some of the fields crop, flip, .*: current value is 3/],
  [view({ rotate: 3 }), "an unknown field views\\[1\\].rotate", /expected some of crop, flip, jitter/],
  [view({ crop: .5 }), "views\\[1\\].crop", /an object with some of the fields area, ratio/],
  [view({ crop: {} }), "views\\[1\\].crop.area", two("0 and at most 1")],
  [view({ crop: { area: [0, 1] } }), "views\\[1\\].crop.area", two("0 and at most 1")],
  [view({ crop: { area: [.5, 1.1] } }), "views\\[1\\].crop.area", two("0 and at most 1")],
  [view({ crop: { area: [.5, .4] } }), "views\\[1\\].crop.area", /current value is \[0.5,0.4\]/],
  [view({ crop: { area: [.5] } }), "views\\[1\\].crop.area", two("0 and at most 1")],
  [view({ crop: { area: [.5, "1"] } }), "views\\[1\\].crop.area", two("0 and at most 1")],
  [view({ crop: { area: [.5, 1], ratio: [0, 1] } }), "views\\[1\\].crop.ratio", two("0")],
  [view({ crop: { area: [.5, 1], ratio: [2, 1] } }), "views\\[1\\].crop.ratio", two("0")],
  [view({ crop: { area: [.5, 1], ratio: [1, Infinity] } }), "views\\[1\\].crop.ratio", two("0")],
  [view({ crop: { area: [.5, 1], scale: 1 } }), "an unknown field views\\[1\\].crop.scale", /area, ratio/],
  [view({ flip: 1.01 }), "views\\[1\\].flip", /a number from 0 to 1: current value is 1.01/],
  [view({ flip: -.1 }), "views\\[1\\].flip", /a number from 0 to 1/],
  [view({ flip: true }), "views\\[1\\].flip", /a number from 0 to 1: current value is true/],
  [view({ flip: { p: .5 } }), "views\\[1\\].flip", /a number from 0 to 1/],
  [view({ grayscale: NaN }), "views\\[1\\].grayscale", /a number from 0 to 1/],
  [view({ jitter: [] }), "views\\[1\\].jitter", /an object/],
  [view({ jitter: { p: 2 } }), "views\\[1\\].jitter.p", /a number from 0 to 1/],
  [view({ jitter: { brightness: -.1 } }), "views\\[1\\].jitter.brightness", /a number of at least 0/],
  [view({ jitter: { contrast: [0, 1] } }), "views\\[1\\].jitter.contrast", /a number of at least 0/],
  [view({ jitter: { saturation: Infinity } }), "views\\[1\\].jitter.saturation", /a number of at least 0/],
  [
    view({ jitter: { hue: .51 } }),
    "views\\[1\\].jitter.hue",
    /a number from 0 to 0.5: current value is 0.51/,
  ],
  [view({ jitter: { hue: -.1 } }), "views\\[1\\].jitter.hue", /a number from 0 to 0.5/],
  [view({ jitter: { color: .1 } }), "an unknown field views\\[1\\].jitter.color", /p, brightness/],
  [view({ blur: {} }), "views\\[1\\].blur.sigma", two("0")],
  [view({ blur: { sigma: 1 } }), "views\\[1\\].blur.sigma", two("0")],
  [view({ blur: { sigma: [0, 1] } }), "views\\[1\\].blur.sigma", two("0")],
  [view({ blur: { sigma: [2, .1] } }), "views\\[1\\].blur.sigma", two("0")],
  [view({ blur: { sigma: [.1, 2, 3] } }), "views\\[1\\].blur.sigma", two("0")],
  [view({ blur: { sigma: [1, 2], p: -1 } }), "views\\[1\\].blur.p", /a number from 0 to 1/],
  [
    view({ blur: { sigma: [1, 2], taps: 4 } }),
    "views\\[1\\].blur.taps",
    /an odd whole number from 3 to 1023/,
  ],
  [view({ blur: { sigma: [1, 2], taps: 1 } }), "views\\[1\\].blur.taps", /an odd whole number/],
  [view({ blur: { sigma: [1, 2], taps: 1025 } }), "views\\[1\\].blur.taps", /an odd whole number/],
  [view({ blur: { sigma: [1, 2], taps: 3.5 } }), "views\\[1\\].blur.taps", /an odd whole number/],
  [view({ solarize: { p: 1, threshold: 128 } }), "views\\[1\\].solarize.threshold", /a number from 0 to 1/],
  [view({ solarize: { p: "1" } }), "views\\[1\\].solarize.p", /a number from 0 to 1/],
  [view({ solarize: .2 }), "views\\[1\\].solarize", /an object with some of the fields p, threshold/],
];

for (const [value, path, rest] of refused) {
  Deno.test(`refused: ${JSON.stringify(value)}`, async () => {
    const pattern = new RegExp(`^Cannot use the recipe my/r\\.json as (it has )?${path}(:| must)`);
    await assertThrows(() => parseRecipe(value, "my/r.json"), UserError, pattern);
    await assertThrows(() => parseRecipe(value, "my/r.json"), UserError, rest);
  });
}

Deno.test("a value too long to be shown is cut", async () => {
  const long = { views: Array(1000).fill({}) };
  await assertThrows(() => parseRecipe(long, "x"), UserError, /^.{0,200}\.\.\.\.$/);
});

Deno.test("more taps than a view bears are refused with the most that do", async () => {
  const recipe = parseRecipe({ name: "wide", views: [{}, { blur: { sigma: [1, 9], taps: 63 } }] }, "x");
  expectTapsFit(recipe, 32);
  await assertThrows(
    () => expectTapsFit(recipe, 31),
    UserError,
    /31 px by the recipe wide as views\[1\]\.blur\.taps must be at most 61 there: current value is 63/,
  );
});

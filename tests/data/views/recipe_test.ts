import { defaultBlurKernelSize, drawView, evaluationView } from "../../../data/views/draw.ts";
import { checkBlurFits, parseRecipe } from "../../../data/views/parse_recipe.ts";
import { recipeByName, recipes, type ViewRecipe } from "../../../data/views/recipe.ts";
import { UserError } from "../../../src/base/errors.ts";
import { keyedRandom } from "../../../src/base/random.ts";
import { assertEquals, assertThrows } from "../../assert.ts";

Deno.test("recipes: simclr has one distribution for both views, none draws the evaluation view", () => {
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

Deno.test("drawView() draws the recorded parameters for byol, cifar and shapes", async () => {
  const expected = { byol: "3018a50289b4f7b8", cifar: "0f397e98e7180536", shapes: "a3f03d5cf03ea524" };
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

Deno.test("drawView() draws the other operations alike if one is left out", () => {
  const sizes = { width: 200, height: 150, size: 64 };
  const whole: Required<ViewRecipe> = {
    crop: { area: [.2, .5], ratio: [3 / 4, 4 / 3] },
    flip: .5,
    jitter: { p: 1, brightness: .4, contrast: .4, saturation: .2, hue: .1 },
    grayscale: 1,
    blur: { p: 1, sigma: [.1, 2], kernelSize: 5 },
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
      assertEquals(all.blur!.kernelSize, 5);
    }
  }
});

Deno.test("parseRecipe() returns the built-in recipes unchanged", () => {
  for (const recipe of Object.values(recipes)) {
    assertEquals(parseRecipe(JSON.parse(JSON.stringify(recipe)), "elsewhere.json"), recipe);
  }
});

Deno.test("parseRecipe() reads the example of docs/views.md, and the page lists every built-in recipe", async () => {
  const page = await Deno.readTextFile(new URL("../../../docs/views.md", import.meta.url));
  const section = page.split(/^## /m).find((text) => text.startsWith("Recipes\n"))!;
  const recipe = parseRecipe(JSON.parse(/```json\n(.*?)```/s.exec(section)![1]), "docs/views.md");
  assertEquals([recipe.name, recipe.size, recipe.mean], ["my-photos", 96, recipes.byol.mean]);
  assertEquals(recipe.views[0].blur, { p: .5, sigma: [.1, 2], kernelSize: 9 });
  assertEquals(recipe.views[1].crop, { area: [.08, 1], ratio: [3 / 4, 4 / 3] });
  // 9 is also the default at 96 px.
  assertEquals(defaultBlurKernelSize(96), 9);
  for (const name of Object.keys(recipes)) assertEquals(section.includes(`| \`${name}\``), true, name);
});

Deno.test("parseRecipe() fills in defaults, in the recipe and in its operations", () => {
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
  // A single view is used for both.
  const one = parseRecipe({ views: [{ flip: .3 }] }, "x.json");
  assertEquals(one.views, [{ flip: .3 }, { flip: .3 }]);
});

Deno.test("parseRecipe() accepts the ends of each range", () => {
  const view: ViewRecipe = {
    crop: { area: [1, 1], ratio: [1e-3, 1e3] },
    flip: 0,
    jitter: { p: 0, brightness: 5, contrast: 0, saturation: 0, hue: .5 },
    grayscale: 1,
    blur: { p: 1, sigma: [1e-9, 1e-9], kernelSize: 1023 },
    solarize: { p: 1, threshold: 0 },
  };
  assertEquals(parseRecipe({ views: [view], size: 512 }, "x").views[1], view);
  assertEquals(parseRecipe({ views: [{ blur: { sigma: [1, 2], kernelSize: 3 } }], size: 8 }, "x").size, 8);
  assertEquals(parseRecipe({ views: [{}], stretch: "percentile" }, "x").stretch, "percentile");
});

const view = (view: unknown) => ({ views: [{}, view] });
const two = (words: string) =>
  new RegExp(`It must be two numbers \\[low, high\\] above ${words}, low not above`);

const invalid: [value: unknown, path: string, rest: RegExp][] = [
  [[], "its content", /is \[\]\. It must be an object with some of the fields name, views/],
  [null, "its content", /is null\. It must be an object/],
  ["byol", "its content", /is "byol"\. It must be an object/],
  [{}, "views", /is nothing\. It must be a list of two views, or of one/],
  [{ views: {} }, "views", /is \{\}\. It must be a list/],
  [{ views: [] }, "views", /is \[\]\. It must be a list/],
  [{ views: [{}, {}, {}] }, "views", /is \[\{\},\{\},\{\}\]\. It must be a list/],
  [
    { views: [{}], sise: 3 },
    "an unknown field sise",
    /Known fields are name, views, mean, std, size, stretch/,
  ],
  [{ views: [{}], stretch: "none" }, "stretch", /is "none"\. It must be "percentile"/],
  [{ views: [{}], stretch: true }, "stretch", /is true\. It must be "percentile"/],
  [{ views: [{}], name: "" }, "name", /is ""\. It must be a text that is not empty/],
  [{ views: [{}], name: 3 }, "name", /must be a text/],
  [{ views: [{}], size: 7 }, "size", /is 7\. It must be an integer from 8 to 512/],
  [{ views: [{}], size: 513 }, "size", /integer/],
  [{ views: [{}], size: 32.5 }, "size", /integer/],
  [{ views: [{}], size: "32" }, "size", /is "32"\. It must be an integer/],
  [{ views: [{}], size: null }, "size", /is null\. It must be an integer/],
  [{ views: [{}], mean: .5 }, "mean", /is 0.5\. It must be three numbers on a scale of 0 to 1/],
  [{ views: [{}], mean: [.5, .5] }, "mean", /three numbers/],
  [{ views: [{}], mean: [.5, 123, .5] }, "mean\\[1\\]", /is 123\. It must be a number from 0 to 1/],
  [{ views: [{}], std: [.2, .2, 0] }, "std\\[2\\]", /is 0\. It must be a number above 0 and at most 1/],
  [{ views: [{}], std: [58, 57, 57] }, "std\\[0\\]", /a number above 0 and at most 1/],
  [view(3), "views\\[1\\]", /is 3\. It must be an object with some of the fields crop, flip, /],
  [view({ rotate: 3 }), "an unknown field views\\[1\\].rotate", /Known fields are crop, flip, jitter/],
  [view({ crop: .5 }), "views\\[1\\].crop", /an object with some of the fields area, ratio/],
  [view({ crop: {} }), "views\\[1\\].crop.area", two("0 and at most 1")],
  [view({ crop: { area: [0, 1] } }), "views\\[1\\].crop.area", two("0 and at most 1")],
  [view({ crop: { area: [.5, 1.1] } }), "views\\[1\\].crop.area", two("0 and at most 1")],
  [view({ crop: { area: [.5, .4] } }), "views\\[1\\].crop.area", /is \[0\.5,0\.4\]\. It must be/],
  [view({ crop: { area: [.5] } }), "views\\[1\\].crop.area", two("0 and at most 1")],
  [view({ crop: { area: [.5, "1"] } }), "views\\[1\\].crop.area", two("0 and at most 1")],
  [view({ crop: { area: [.5, 1], ratio: [0, 1] } }), "views\\[1\\].crop.ratio", two("0")],
  [view({ crop: { area: [.5, 1], ratio: [2, 1] } }), "views\\[1\\].crop.ratio", two("0")],
  [view({ crop: { area: [.5, 1], ratio: [1, Infinity] } }), "views\\[1\\].crop.ratio", two("0")],
  [view({ crop: { area: [.5, 1], scale: 1 } }), "an unknown field views\\[1\\].crop.scale", /area, ratio/],
  [view({ flip: 1.01 }), "views\\[1\\].flip", /is 1.01\. It must be a number from 0 to 1/],
  [view({ flip: -.1 }), "views\\[1\\].flip", /a number from 0 to 1/],
  [view({ flip: true }), "views\\[1\\].flip", /is true\. It must be a number from 0 to 1/],
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
    /is 0.51\. It must be a number from 0 to 0.5/,
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
    view({ blur: { sigma: [1, 2], kernelSize: 4 } }),
    "views\\[1\\].blur.kernelSize",
    /is 4\. It must be an odd integer from 3 to 1023/,
  ],
  [view({ blur: { sigma: [1, 2], kernelSize: 1 } }), "views\\[1\\].blur.kernelSize", /an odd integer/],
  [
    view({ blur: { sigma: [1, 2], kernelSize: 1025 } }),
    "views\\[1\\].blur.kernelSize",
    /an odd integer/,
  ],
  [view({ blur: { sigma: [1, 2], kernelSize: 3.5 } }), "views\\[1\\].blur.kernelSize", /an odd integer/],
  [view({ solarize: { p: 1, threshold: 128 } }), "views\\[1\\].solarize.threshold", /a number from 0 to 1/],
  [view({ solarize: { p: "1" } }), "views\\[1\\].solarize.p", /a number from 0 to 1/],
  [view({ solarize: .2 }), "views\\[1\\].solarize", /an object with some of the fields p, threshold/],
];

for (const [value, path, rest] of invalid) {
  Deno.test(`parseRecipe() rejects ${JSON.stringify(value)}`, async () => {
    const pattern = new RegExp(`^Cannot use the recipe "my/r\\.json": (it has )?${path}( is |\\. Known)`);
    await assertThrows(() => parseRecipe(value, "my/r.json"), UserError, pattern);
    await assertThrows(() => parseRecipe(value, "my/r.json"), UserError, rest);
  });
}

Deno.test("parseRecipe() shortens a long value in its message", async () => {
  const long = { views: Array(1000).fill({}) };
  await assertThrows(
    () => parseRecipe(long, "x"),
    UserError,
    /^Cannot use the recipe "x": views is .{57}\.\.\.\. It must be/,
  );
});

Deno.test("checkBlurFits() throws for a kernel larger than the view with its mirrored borders", async () => {
  const recipe = parseRecipe({ name: "wide", views: [{}, { blur: { sigma: [1, 9], kernelSize: 63 } }] }, "x");
  checkBlurFits(recipe, 32);
  await assertThrows(
    () => checkBlurFits(recipe, 31),
    UserError,
    /31 px with the recipe "wide": views\[1\]\.blur\.kernelSize is 63, more than 61/,
  );
});

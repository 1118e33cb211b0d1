import { drawView, evaluationView, jitterOperations } from "../../../data/views/draw.ts";
import { recipeByName, recipes } from "../../../data/views/recipe.ts";
import { UserError } from "../../../src/base/errors.ts";
import { keyedRandom } from "../../../src/base/random.ts";
import { assert, assertClose, assertEquals, assertThrows } from "../../assert.ts";

const sizes = { width: 320, height: 200, size: 224 };
const N = 4000;
const draws = (view = recipes.byol.views[1], s = sizes) =>
  Array.from({ length: N }, (_, i) => drawView(view, s, keyedRandom(1, 0, i, 1)));
const rate = <T>(items: T[], hit: (item: T) => boolean) => items.filter(hit).length / items.length;

Deno.test("drawView() draws crops of uniform area and log-uniform ratio within the image", () => {
  // Up to an area of .4 every try fits a 320 × 200 image, so the distributions are not distorted.
  const crops = draws({ ...recipes.byol.views[1], crop: { area: [.1, .4], ratio: [3 / 4, 4 / 3] } })
    .map((p) => p.crop);
  for (const c of crops) {
    assert(
      c.left >= 0 && c.top >= 0 && c.left + c.width <= 320 && c.top + c.height <= 200,
      JSON.stringify(c),
    );
  }
  const shares = (values: number[], [low, high]: number[]) =>
    [.25, .5, .75].map((q) => rate(values, (v) => v < low + q * (high - low)));
  const areas = crops.map((c) => c.width * c.height / (320 * 200));
  assertClose("quartiles of area", shares(areas, [.1, .4]), [.25, .5, .75], { absolute: .025 });
  const ratios = crops.map((c) => Math.log(c.width / c.height));
  assertClose("quartiles of log ratio", shares(ratios, [Math.log(3 / 4), Math.log(4 / 3)]), [.25, .5, .75], {
    absolute: .03,
  });
  const positions = crops.map((c) => [c.left / (320 - c.width), c.top / (200 - c.height)]);
  for (const axis of [0, 1]) {
    assertClose("quartiles of position", shares(positions.map((p) => p[axis]), [0, 1]), [.25, .5, .75], {
      absolute: .03,
    });
  }
});

Deno.test("drawView() applies operations at their rates, with factors over their ranges and uniform orders", () => {
  const all = draws();
  const jitters = all.map((p) => p.jitter).filter((j) => j !== null);
  const rates = [
    rate(all, (p) => p.flip),
    jitters.length / N,
    rate(all, (p) => p.grayscale),
    rate(all, (p) => p.blur !== null),
    rate(all, (p) => p.solarize !== null),
  ];
  assertClose("rates", rates, [.5, .8, .2, .1, .2], { absolute: .025 });
  for (const [k, [low, high]] of [[.6, 1.4], [.6, 1.4], [.8, 1.2], [-.1, .1]].entries()) {
    const values = jitters.map((j) => j[jitterOperations[k]]);
    assertClose(jitterOperations[k], [Math.min(...values), Math.max(...values)], [low, high], {
      absolute: .002,
    });
    assert(Math.min(...values) >= low && Math.max(...values) <= high);
  }
  const orders = new Map<string, number>();
  for (const j of jitters) orders.set(j.order.join(""), (orders.get(j.order.join("")) ?? 0) + 1);
  assertEquals(orders.size, 24);
  assertClose("orders", [...orders.values()], Array(24).fill(jitters.length / 24), { relative: .35 });
  assertEquals(all.find((p) => p.blur)!.blur!.kernelSize, 23);
  const blurred = draws(recipes.byol.views[0]).map((p) => p.blur!.sigma);
  assertClose("sigma", [Math.min(...blurred), Math.max(...blurred)], [.1, 2], { absolute: .005 });
});

Deno.test("drawView() draws operations independently of the other operations and of the image size", () => {
  const view = recipes.byol.views[1];
  const changed = { ...view, jitter: { ...view.jitter!, p: 0 }, blur: { ...view.blur!, p: 1 } };
  const narrow = { width: 20, height: 400, size: 224 };
  const [a, b, c] = [draws(view), draws(changed), draws(view, narrow)];
  for (let i = 0; i < N; i++) {
    const { crop, flip, grayscale, solarize } = a[i];
    assertEquals({ crop, flip, grayscale, solarize }, {
      crop: b[i].crop,
      flip: b[i].flip,
      grayscale: b[i].grayscale,
      solarize: b[i].solarize,
    });
    assertEquals({ ...a[i], crop: 0 }, { ...c[i], crop: 0 });
  }
});

Deno.test("drawView() falls back to a center crop for a narrow image, like torchvision", () => {
  const view = { ...recipes.byol.views[0], crop: { area: [1, 1], ratio: [3 / 4, 4 / 3] } } as const;
  const crop = (width: number, height: number) =>
    drawView(view, { width, height, size: 32 }, keyedRandom(0)).crop;
  assertEquals(crop(30, 300), { top: 130, left: 0, height: 40, width: 30 });
  assertEquals(crop(300, 30), { top: 0, left: 130, height: 30, width: 40 });
});

Deno.test("evaluationView() takes the center square of the resized image", () => {
  const { crop, resized } = evaluationView({ width: 501, height: 333, size: 100 });
  assertEquals({ crop, resized }, {
    crop: { top: 0, left: 0, height: 333, width: 501 },
    resized: { top: 0, left: 25, height: 100, width: 150 },
  });
});

Deno.test("drawView() returns plain JSON data", () => {
  const parameters = drawView(recipes.byol.views[1], sizes, keyedRandom(3));
  assertEquals(JSON.parse(JSON.stringify(parameters)), parameters);
});

Deno.test("recipeByName() throws the known names for an unknown recipe", async () => {
  assertEquals(recipeByName("cifar").name, "cifar");
  await assertThrows(
    () => recipeByName("toString"),
    UserError,
    /"toString": .*one of byol, simclr, cifar, shapes, none/,
  );
});

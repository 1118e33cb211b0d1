/** Stretched contrast and notes on their way through the Workers. */
import { evaluationBatches, type ImageNote, trainingBatches } from "../../data/pipeline.ts";
import { memoryCache } from "../../data/pixel_cache.ts";
import { type Recipe, recipes } from "../../data/views/recipe.ts";
import { assert, assertClose, assertEquals } from "../assert.ts";
import { memorySource, png } from "./fixtures.ts";
import { golden } from "./golden.ts";

const dark = [
  "png gray 16 bits",
  "png rgb 16 bits interlaced",
  "tiff u2 II",
  "tiff u2 rgb",
  "tiff f4",
  "tiff i2",
]
  .map((name) => golden(`${name}, stretched`));
const source = await memorySource(dark.map(({ file }) => file));
/** The same images, stretched beforehand. */
const expected = await memorySource(
  dark.map(({ rgba, width, height }) => png({ data: rgba, width, height } as unknown as ImageData)),
);
const plain: Recipe = recipes.none, stretched: Recipe = { ...plain, stretch: "percentile" };
const options = { batch: 6, size: 8, workers: 1 };

async function evaluated(of: typeof source, recipe: Recipe, more = {}): Promise<number[]> {
  const [{ images }] = await Array.fromAsync(evaluationBatches({ ...options, source: of, recipe, ...more }));
  return [...images];
}

async function trained(of: typeof source, recipe: Recipe, more = {}): Promise<number[]> {
  for await (const { views } of trainingBatches({ ...options, source: of, recipe, seed: 3, ...more })) {
    return [...views];
  }
  throw new Error("there is no batch");
}

Deno.test("evaluationBatches() and trainingBatches() stretch images if the recipe says so", async () => {
  const seen = await evaluated(expected, plain);
  assertClose("evaluation", await evaluated(source, stretched), seen, {});
  assertClose("two Workers", await evaluated(source, stretched, { workers: 2 }), seen, {});
  const views = await trained(expected, recipes.cifar),
    recipe: Recipe = { ...recipes.cifar, stretch: "percentile" };
  assertClose("training", await trained(source, recipe), views, {});
  const cache = memoryCache(1e6);
  for (let i = 0; i < 2; i++) assertClose("cached", await trained(source, recipe, { cache }), views, {});
});

Deno.test("evaluationBatches() notes nearly black images, but not stretched or cached ones", async () => {
  const integers = await memorySource(dark.slice(0, 4).map(({ file }) => file));
  const notes: ImageNote[] = [], onNote = (note: ImageNote) => notes.push(note);
  await evaluated(integers, plain, { onNote });
  // "png rgb 16 bits interlaced" is brighter.
  assertEquals(notes.map(({ index, key }) => [index, key]), [[0, "image-0"], [2, "image-2"], [3, "image-3"]]);
  assert(notes.every(({ note }) => note === notes[0].note && /16-bit samples are all below 4096/.test(note)));
  notes.length = 0;
  await evaluated(integers, stretched, { onNote });
  assertEquals(notes, []);
  const cache = memoryCache(1e6);
  for (let i = 0; i < 2; i++) await evaluated(integers, plain, { onNote, cache });
  assertEquals(notes.length, 3);
});

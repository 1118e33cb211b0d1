/** The kernels against the TypeScript version, which is held against Pillow and torchvision. */
import { applyView } from "../../data/views/apply.ts";
import { drawView, evaluationView, type ViewParameters } from "../../data/views/draw.ts";
import { Loader, type LoaderOptions, traceLoader } from "../../src/views/view_uploader.ts";
import { recipes, type ViewRecipe } from "../../data/views/recipe.ts";
import type { DecodedImage } from "../../data/views/resize.ts";
import { RecordWriter } from "../../data/views/table.ts";
import type { ElementType } from "../../src/gpu/kernel.ts";
import { Memory, type Store } from "../../src/gpu/memory.ts";
import { Program } from "../../src/graph/program.ts";
import { bytesOf, regionOf, tensorIn } from "../../src/graph/tensor.ts";
import { keyedRandom } from "../../src/base/random.ts";
import { assert, assertClose, assertEquals } from "../assert.ts";
import { halfTest, sharedGpu } from "../gpu/shared.ts";
import { newTape } from "../ops/harness.ts";
import { floats, golden, image as goldenImage, toThree } from "../data/views/golden.ts";
import { crops as cropCases, digestOf, evaluations, hashedPicture } from "../data/views/sizes.ts";

const plain = { mean: [0, 0, 0], std: [1, 1, 1] } as const;

/** An image of noise on a gradient, saturated in places. */
function picture(width: number, height: number, seed: number): DecodedImage {
  const random = keyedRandom(seed);
  const data = new Uint8ClampedArray(width * height * 4).map((_, i) =>
    i % 4 === 3 ? 255 : 300 * ((i >> 2) % width) / width - 20 + 60 * random.normal()
  );
  return { width, height, data: new Uint8Array(data.buffer) };
}

/** The views of `images`, [views · N, size, size, 4], by the kernels; and in how many goes they were made. */
async function onGpu(
  images: { image: DecodedImage; parameters: ViewParameters[] }[],
  { size, batch = images.length, software = false, type = "f32", ...options }:
    & LoaderOptions
    & { size: number; batch?: number; software?: boolean; type?: ElementType },
): Promise<{ views: Float32Array; goes: number }> {
  using memory = new Memory(await sharedGpu());
  const count = images[0].parameters.length;
  const shape = [count * batch, size, size, 4];
  const store: Store = { name: "views", category: "input", bytes: bytesOf({ shape, type }) };
  const tape = newTape({ software }), written = tensorIn(store, { shape, type });
  const traced = traceLoader(tape, { ...options, images: written });
  // NaN in either type.
  memory.write(store, new Uint32Array(store.bytes / 4).fill(0xffffffff));
  using program = new Program(memory, { dispatches: tape.dispatches });
  const loader = new Loader(memory, traced);
  let goes = 0;
  loader.load(
    images.map(({ image: { data, width }, parameters }) => {
      const writer = new RecordWriter();
      parameters.forEach((view) => writer.add(view, { width, size }));
      return { pixels: Uint8Array.from(data), records: writer.take() };
    }),
    (range) => {
      goes++;
      program.run(range);
    },
  );
  const views = await memory.read(regionOf(written));
  return { views: type === "f32" ? views : new Float32Array(new Float16Array(views.buffer)), goes };
}

/** The same by the TypeScript version. */
function onCpu(
  images: { image: DecodedImage; parameters: ViewParameters[] }[],
  { size, mean, std }: LoaderOptions & { size: number },
): Float32Array {
  const count = images[0].parameters.length, length = size * size * 4;
  const views = new Float32Array(count * images.length * length);
  images.forEach(({ image, parameters }, i) =>
    parameters.forEach((view, v) => {
      const start = (v * images.length + i) * length;
      applyView(image, view, { size, mean, std, out: views.subarray(start, start + length) });
    })
  );
  return views;
}

Deno.test("augment() makes the views of Pillow and torchvision", async () => {
  for (const { image, size, parameters, out } of golden.views) {
    const images = [{ image: goldenImage(image), parameters: [parameters] }];
    const options = {
      size,
      views: [recipes.byol.views[0]],
      mean: golden.mean,
      std: golden.std,
      decodeSize: 64,
    };
    const { views } = await onGpu(images, options);
    assertClose(`${image} at ${size}`, views, onCpu(images, options), { absolute: 2e-5 });
    assertClose(`${image} at ${size}, theirs`, toThree(views), floats(out), { absolute: 2e-5 });
  }
});

for (const size of [32, 7, 37, 65]) {
  Deno.test(`augment() agrees with TypeScript on drawn views of ${size} pixels`, async () => {
    const random = keyedRandom(size);
    const images = Array.from({ length: 9 }, (_, i) => {
      const image = picture(size + random.integer(90), size + random.integer(60), i);
      const [first, second] = recipes.byol.views;
      // Every operation in every fifth view or so, at thresholds that images are not full of.
      const recipe = [first, { ...second, solarize: { p: .5, threshold: .37 } }];
      return {
        image,
        parameters: recipe.map((view, v) => drawView(view, { ...image, size }, keyedRandom(size, i, v))),
      };
    });
    const options = { size, views: recipes.byol.views, ...plain, decodeSize: 128 };
    const { views, goes } = await onGpu(images, options);
    assertEquals(goes, 1);
    assertClose("views", views, onCpu(images, options), { absolute: 1e-5 });
    assert(views.every((x, i) => i % 4 < 3 || x === 0), "the fourth channel is not 0");
  });
}

/** Images of the given sizes with their views as `recipe` draws them. */
function drawn(
  sizes: readonly (readonly [number, number])[],
  { size, recipe }: { size: number; recipe: readonly ViewRecipe[] },
): { image: DecodedImage; parameters: ViewParameters[] }[] {
  return sizes.map(([width, height], i) => {
    const image = picture(width, height, i);
    return {
      image,
      parameters: recipe.map((view, v) => drawView(view, { ...image, size }, keyedRandom(i, v))),
    };
  });
}

const [first, second] = recipes.byol.views;
const crops: ViewRecipe = { crop: { area: [.08, 1], ratio: [.75, 1.33] }, flip: .5 };

for (const software of [false, true]) {
  const adapter = software ? "a software adapter's workgroups" : "a GPU's workgroups";

  Deno.test(`Loader.load() handles batches of several pieces, whole and in part: ${adapter}`, async () => {
    const size = 512, batch = 37, sizes = Array.from({ length: batch }, (_, i) => [40 + i, 71 - i] as const);
    const options = { size, batch, software, views: [crops], ...plain, decodeSize: 64 };
    const all = drawn(sizes, { size, recipe: [crops] }), length = size * size * 4;
    for (const count of [37, 20, 5]) {
      const images = all.slice(0, count), { views, goes } = await onGpu(images, options);
      assertEquals(goes, Math.ceil(count / 16), "pieces of 16 images");
      for (const i of [0, 4, 15, 16, 19, 31, 32, 36].filter((i) => i < count)) {
        const view = views.subarray(i * length, (i + 1) * length);
        assertClose(`image ${i} of ${count}`, view, onCpu([images[i]], options), { absolute: 1e-5 });
      }
      assert(views.subarray(count * length).every(Number.isNaN), `more than ${count} views are written`);
    }
  });

  Deno.test(`Loader.load() splits a piece of long images: ${adapter}`, async () => {
    const size = 16, recipe = [first, { ...second, solarize: { p: .5, threshold: .37 } }];
    const sizes = Array.from(
      { length: 11 },
      (_, i) => i % 3 ? [16 + i, 192 - i] as const : [200, 17] as const,
    );
    const images = drawn(sizes, { size, recipe });
    const options = { size, batch: 13, software, views: recipe, ...plain, decodeSize: 16 };
    const { views, goes } = await onGpu(images, options), length = size * size * 4;
    assert(goes >= 3, `${goes} goes`);
    const expected = onCpu(images, options);
    for (const v of [0, 1]) {
      const mine = views.subarray(v * 13 * length, (v * 13 + 11) * length);
      const theirs = expected.subarray(v * 11 * length, (v + 1) * 11 * length);
      assertClose(`view ${v + 1}`, mine, theirs, { absolute: 1e-5 });
      assert(
        views.subarray((v * 13 + 11) * length, (v + 1) * 13 * length).every(Number.isNaN),
        "nobody's views",
      );
    }
  });

  Deno.test(`augment() blurs with kernels of up to twice the view size: ${adapter}`, async () => {
    for (const [size, kernelSize] of [[12, 23], [32, 23], [33, 65]]) {
      const recipe: ViewRecipe[] = [{ ...crops, blur: { p: 1, sigma: [1, 9], kernelSize } }];
      const images = drawn([[50, 40], [33, 60], [size, size]], { size, recipe });
      const options = { size, software, views: recipe, ...plain, decodeSize: 64 };
      const { views } = await onGpu(images, options);
      assertClose(`kernel of ${kernelSize} px at ${size} px`, views, onCpu(images, options), {
        absolute: 1e-5,
      });
    }
  });

  Deno.test(`augment() enlarges images of one pixel and more: ${adapter}`, async () => {
    for (const size of [32, 65]) {
      const sizes = [[1, 1], [1, 40], [40, 1], [2, 3], [5, 5], [28, 28], [31, 90], [200, 15], [3, 700], [
        1,
        5000,
      ]] as const;
      const recipe = [first, { ...second, solarize: { p: .5, threshold: .37 } }];
      const images = drawn(sizes, { size, recipe });
      const options = { size, software, views: recipe, ...plain, decodeSize: 114 };
      const { views } = await onGpu(images, options);
      assertClose("views", views, onCpu(images, options), { absolute: 1e-5 });
      const evaluated = images.map(({ image }) => ({
        image,
        parameters: [evaluationView({ ...image, size })],
      }));
      const one = { ...options, views: [] };
      assertClose("evaluation views", (await onGpu(evaluated, one)).views, onCpu(evaluated, one), {
        absolute: 1e-5,
      });
    }
  });

  Deno.test(`Loader.load() takes the longest images that training decodes: ${adapter}`, async () => {
    const size = 8, decodeSize = 8; // 1,024 pixels; a long side of 128 where crops may be very elongated
    const wide = { area: [.001, 1], ratio: [1 / 14, 14] } as const,
      wider = { area: [.001, 1], ratio: [.01, 100] } as const;
    for (
      const [crop, sides] of [
        [wide, [[1, 1024], [1024, 1], [8, 128], [128, 8], [3, 341], [341, 3]]],
        [wider, [[1, 128], [128, 1], [8, 128], [128, 8]]],
        [undefined, [[1, 1024], [1024, 1], [8, 128], [128, 8]]],
      ] as const
    ) {
      for (let i = 0; i < 20; i++) {
        const [width, height] = sides[i % sides.length],
          image = picture(width, height, i),
          recipe = crop ? [{ crop }] : [{}];
        const images = [{
          image,
          parameters: recipe.map((view) => drawView(view, { width, height, size }, keyedRandom(i))),
        }];
        const options = { size, software, views: recipe, ...plain, decodeSize };
        assertClose(`${width}×${height}`, (await onGpu(images, options)).views, onCpu(images, options), {
          absolute: 1e-5,
        });
      }
    }
  });

  Deno.test(`augment() resizes to torchvision's pixels for images of any size: ${adapter}`, async () => {
    for (const size of [32, 65]) {
      const cases = [
        ...evaluations.map((one) => ({ ...one, view: evaluationView(one) })),
        ...cropCases.map((one) => ({
          ...one,
          view: { ...evaluationView(one), crop: one.crop, resized: null },
        })),
      ].filter((one) => one.size === size);
      assert(cases.length >= 4, `${cases.length} cases`);
      const images = cases.map(({ width, height, view }) => ({
        image: hashedPicture(width, height),
        parameters: [view],
      }));
      const { views } = await onGpu(images, { size, software, views: [], ...plain, decodeSize: 400 });
      const pixels = Uint8Array.from(views, (value) => Math.round(255 * value)), length = size * size * 4;
      cases.forEach(({ width, height, digest }, i) =>
        assertEquals(
          digestOf(pixels.subarray(i * length, (i + 1) * length)),
          digest,
          `${width}×${height} at ${size}`,
        )
      );
    }
  });

  Deno.test(`augment() makes evaluation views of images of any shape: ${adapter}`, async () => {
    for (const size of [32, 45]) {
      const sizes = [[45, 45], [200, 46], [47, 300], [90, 45], [64, 64]];
      const images = sizes.map(([width, height], i) => {
        const image = picture(width, height, i);
        return { image, parameters: [evaluationView({ ...image, size })] };
      });
      const options = {
        size,
        batch: 7,
        software,
        views: [],
        mean: golden.mean,
        std: golden.std,
        decodeSize: 45,
      };
      const { views } = await onGpu(images, options), count = 5 * size * size * 4;
      assertClose("views", views.subarray(0, count), onCpu(images, options), { absolute: 2e-5 });
      assert(views.subarray(count).every(Number.isNaN), "nobody's views");
    }
  });
}

halfTest("augment() in float16 makes the views of float32, rounded", async () => {
  const size = 37;
  const images = (recipe: ViewRecipe[]) => drawn([[80, 61], [37, 90], [44, 40], [100, 38]], { size, recipe });
  const options = { size, mean: [.5, .4, .3], std: [.25, .2, .3], decodeSize: 128 } as const;
  for (const software of [false, true]) {
    const both = async (recipe: ViewRecipe[]) => {
      const run = (type: ElementType) =>
        onGpu(images(recipe), {
          ...options,
          mean: [...options.mean],
          std: [...options.std],
          views: recipe,
          software,
          type,
        });
      const [expected, actual] = [(await run("f32")).views, (await run("f16")).views];
      return { expected, actual };
    };
    const sharp = await both([first, second].map(({ blur: _, ...view }) => view));
    assertEquals(sharp.actual, sharp.expected.map(Math.f16round));
    // A view that is blurred is float16 before too: half a unit of what is below 1, divided by the deviation.
    const blurred = await both([{ ...first, blur: { ...first.blur!, p: 1 } }, second]);
    assertClose("blurred", blurred.actual, blurred.expected, { absolute: 2 ** -12 / .2, relative: 2 ** -11 });
    assert(
      blurred.actual.some((value, i) => value !== Math.f16round(blurred.expected[i])),
      "nothing was blurred",
    );
  }
});

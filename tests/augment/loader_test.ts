/** The kernels against the TypeScript version, which is held against Pillow and torchvision. */
import { applyView } from "../../src/augment/apply.ts";
import { drawView, type ViewParameters } from "../../src/augment/draw.ts";
import { Loader, type LoaderOptions, traceLoader } from "../../src/augment/loader.ts";
import { recipes } from "../../src/augment/recipe.ts";
import type { DecodedImage } from "../../src/augment/resize.ts";
import { RecordWriter } from "../../src/augment/table.ts";
import { Memory, type Store } from "../../src/gpu/memory.ts";
import { Program } from "../../src/graph/program.ts";
import { tensorIn } from "../../src/graph/tensor.ts";
import { keyedRandom } from "../../src/random.ts";
import { assert, assertClose, assertEquals } from "../assert.ts";
import { sharedGpu } from "../gpu/shared.ts";
import { newTape } from "../ops/harness.ts";
import { golden, image as goldenImage } from "./golden.ts";

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
  { size, batch = images.length, ...options }: LoaderOptions & { size: number; batch?: number },
): Promise<{ views: Float32Array; goes: number }> {
  using memory = new Memory(await sharedGpu());
  const count = images[0].parameters.length;
  const shape = [count * batch, size, size, 4];
  const store: Store = { name: "views", category: "input", bytes: shape.reduce((a, b) => a * b) * 4 };
  const tape = newTape({});
  const traced = traceLoader(tape, { ...options, images: tensorIn(store, { shape }) });
  memory.write(store, new Float32Array(store.bytes / 4).fill(NaN));
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
  return { views: await memory.read({ store, offset: 0, bytes: store.bytes }), goes };
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

Deno.test("the kernels make the views that Pillow and torchvision made", async () => {
  for (const { image, size, parameters } of golden.views) {
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
  }
});

for (const size of [32, 7, 37, 65]) {
  Deno.test(`kernels and TypeScript agree on drawn views of ${size} pixels`, async () => {
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

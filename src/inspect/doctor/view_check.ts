/**
 * Checks of the views that the GPU makes of decoded images, against the TypeScript reference, which tests compare with
 * Pillow and torchvision.
 *
 * @module
 */
import { applyView } from "../../../data/views/apply.ts";
import { drawView } from "../../../data/views/draw.ts";
import { Loader, traceLoader } from "../../views/view_uploader.ts";
import { recipes, type ViewRecipe } from "../../../data/views/recipe.ts";
import { RecordWriter } from "../../../data/views/table.ts";
import { Memory, type Store } from "../../gpu/memory.ts";
import { Program } from "../../graph/program.ts";
import type { ChoosingProfile } from "../../graph/kernel_choice.ts";
import { tensorIn } from "../../graph/tensor.ts";
import { keyedRandom } from "../../base/random.ts";
import { differenceOf } from "../../reference/compare.ts";
import type { Check } from "./check.ts";
import { newOpTape } from "./op_run.ts";

const SIZE = 37, IMAGES = 9, FORMAT = { mean: [0, 0, 0], std: [1, 1, 1] } as const;

/** BYOL's views, with each operation in about half of them, and a threshold that few pixels are near. */
const [first, second] = recipes.byol.views;
const BLURRED: ViewRecipe[] = [first, { ...second, grayscale: .3, solarize: { p: .5, threshold: .37 } }];
/** The same without blur, which has kernels of its own. */
const SHARP = BLURRED.map(({ blur: _, ...view }): ViewRecipe => view);

/** An image of noise on a gradient, partly saturated. */
function picture(width: number, height: number, seed: number) {
  const random = keyedRandom(seed);
  const clamped = new Uint8ClampedArray(width * height * 4).map((_, i) =>
    i % 4 === 3 ? 255 : 300 * ((i >> 2) % width) / width - 20 + 60 * random.normal()
  );
  return { width, height, data: new Uint8Array(clamped.buffer) };
}

/** Views of images of many shapes. */
export function viewChecks(target: ChoosingProfile): Check[] {
  return [
    viewCheck("views of images", { views: SHARP, target }),
    viewCheck("views of images, blurred", { views: BLURRED, target }),
  ];
}

function viewCheck(what: string, { views, target }: { views: ViewRecipe[]; target: ChoosingProfile }): Check {
  const random = keyedRandom(SIZE);
  const images = Array.from({ length: IMAGES }, (_, i) => {
    const image = picture(SIZE + random.integer(90), SIZE + random.integer(60), i);
    const parameters = views.map((view, v) => drawView(view, { ...image, size: SIZE }, keyedRandom(i, v)));
    return { image, parameters };
  });
  const length = SIZE * SIZE * 4, shape = [views.length * IMAGES, SIZE, SIZE, 4];
  const store: Store = { name: "views", category: "input", bytes: views.length * IMAGES * length * 4 };
  const tape = newOpTape(target);
  const options = { views, ...FORMAT, decodeSize: 128 };
  const traced = traceLoader(tape, { ...options, images: tensorIn(store, { shape }) });
  return {
    what,
    dispatches: tape.dispatches,
    async run(gpu) {
      using memory = new Memory(gpu);
      memory.write(store, new Float32Array(store.bytes / 4).fill(NaN));
      using program = new Program(memory, tape);
      new Loader(memory, traced).load(
        images.map(({ image: { data, width }, parameters }) => {
          const writer = new RecordWriter();
          for (const view of parameters) writer.add(view, { width, size: SIZE });
          return { pixels: data, records: writer.take() };
        }),
        (range) => program.run(range),
      );
      const actual = await memory.read({ store, offset: 0, bytes: store.bytes });
      const expected = new Float32Array(actual.length);
      images.forEach(({ image, parameters }, i) =>
        parameters.forEach((view, v) => {
          const start = (v * IMAGES + i) * length;
          applyView(image, view, { size: SIZE, ...FORMAT, out: expected.subarray(start, start + length) });
        })
      );
      return differenceOf("views", { actual, expected }, { absolute: 2e-5 });
    },
  };
}

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
import type { ElementType } from "../../gpu/kernel.ts";
import { Memory, type Store } from "../../gpu/memory.ts";
import { Program } from "../../graph/program.ts";
import type { ChoosingProfile } from "../../graph/kernel_choice.ts";
import { bytesOf, tensorIn } from "../../graph/tensor.ts";
import { keyedRandom } from "../../base/random.ts";
import { differenceOf, withHalfRounding } from "../../reference/compare.ts";
import type { Check } from "./check.ts";
import { elementsOf, NAN_WORD, newOpTape } from "./op_run.ts";

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

/** The same in float16. Views that are blurred are rounded twice, and their colors inverted where that changes little. */
export function halfViewChecks(target: ChoosingProfile): Check[] {
  const blurred = BLURRED.map((view) => ({
    ...view,
    ...view.solarize && { solarize: { p: .5, threshold: .5 } },
  }));
  return [
    viewCheck("views of images in float16", { views: SHARP, target, type: "f16", roundings: 1 }),
    viewCheck("views of images in float16, blurred", { views: blurred, target, type: "f16", roundings: 2 }),
  ];
}

function viewCheck(
  what: string,
  { views, target, type = "f32", roundings = 0 }: {
    views: ViewRecipe[];
    target: ChoosingProfile;
    type?: ElementType;
    roundings?: number;
  },
): Check {
  const random = keyedRandom(SIZE);
  const images = Array.from({ length: IMAGES }, (_, i) => {
    const image = picture(SIZE + random.integer(90), SIZE + random.integer(60), i);
    const parameters = views.map((view, v) => drawView(view, { ...image, size: SIZE }, keyedRandom(i, v)));
    return { image, parameters };
  });
  const length = SIZE * SIZE * 4, shape = [views.length * IMAGES, SIZE, SIZE, 4];
  const store: Store = { name: "views", category: "input", bytes: bytesOf({ shape, type }) };
  const tape = newOpTape(target), written = tensorIn(store, { shape, type });
  const options = { views, ...FORMAT, decodeSize: 128 };
  const traced = traceLoader(tape, { ...options, images: written });
  return {
    what,
    dispatches: tape.dispatches,
    async run(gpu) {
      using memory = new Memory(gpu);
      memory.write(store, new Uint32Array(store.bytes / 4).fill(NAN_WORD));
      using program = new Program(memory, tape);
      new Loader(memory, traced).load(
        images.map(({ image: { data, width }, parameters }) => {
          const writer = new RecordWriter();
          for (const view of parameters) writer.add(view, { width, size: SIZE });
          return { pixels: data, records: writer.take() };
        }),
        (range) => program.run(range),
      );
      const actual = await elementsOf(memory, written);
      const expected = new Float32Array(actual.length);
      images.forEach(({ image, parameters }, i) =>
        parameters.forEach((view, v) => {
          const start = (v * IMAGES + i) * length;
          applyView(image, view, { size: SIZE, ...FORMAT, out: expected.subarray(start, start + length) });
        })
      );
      const tolerance = { absolute: 2e-5 + (roundings > 1 ? 2 ** -12 : 0) };
      return differenceOf(
        "views",
        { actual, expected },
        roundings > 0 ? withHalfRounding(tolerance) : tolerance,
      );
    },
  };
}

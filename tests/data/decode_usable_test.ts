import { decodeForEvaluation, decodeForTraining } from "../../data/decode_usable.ts";
import { LeftOutError } from "../../data/rejection.ts";
import { evaluationView } from "../../data/views/draw.ts";
import { recipes } from "../../data/views/recipe.ts";
import { resizeCrop } from "../../data/views/resize.ts";
import { assertClose, assertEquals, assertThrows } from "../assert.ts";
import { gradient, png } from "./fixtures.ts";

const recipe = recipes.byol;

Deno.test("decodeForTraining() shrinks to the decode size, and long images further to 16 squares of it", async () => {
  const sizes: [given: [number, number], decodeSize: number, expected: [number, number]][] = [
    [[50, 40], 40, [50, 40]],
    [[50, 41], 40, [49, 40]],
    [[1, 1], 8, [1, 1]],
    [[1, 1000], 8, [1, 1000]], // 1024 pixels are 16 squares of 8
    [[1, 1024], 8, [1, 1024]],
    [[1025, 1], 8, [1024, 1]],
    [[640, 40], 40, [640, 40]],
    [[1300, 40], 40, [912, 28]], // 25,600 pixels at a ratio of 32.5
    [[90, 2600], 40, [29, 860]],
  ];
  for (const [[width, height], decodeSize, expected] of sizes) {
    const image = await decodeForTraining(png(gradient(width, height)), { recipe, decodeSize });
    assertEquals([image.width, image.height], expected, `${width}×${height} at ${decodeSize}`);
    assertEquals(image.data.length, 4 * image.width * image.height);
  }
});

Deno.test("decodeForTraining() limits the long side to 16 times the decode size for very elongated crops", async () => {
  const file = png(gradient(3, 300));
  for (
    const [ratio, expected] of [[[1 / 14, 14], [3, 300]], [[1 / 100, 1], [1, 128]], [[1, 20], [
      1,
      128,
    ]]] as const
  ) {
    const view = { crop: { area: [.1, 1], ratio } } as const;
    const { width, height } = await decodeForTraining(file, {
      recipe: { views: [view, view] },
      decodeSize: 8,
    });
    assertEquals([width, height], [...expected], `a ratio of ${ratio}`);
  }
});

Deno.test("decodeForEvaluation() resizes the whole image once, also where training would shrink it", async () => {
  const image = gradient(301, 207), size = 32, view = evaluationView({ ...image, size });
  const expected = new Uint8Array(size * size * 4);
  resizeCrop({ ...image, data: new Uint8Array(image.data) }, {
    ...view,
    width: size,
    height: size,
    out: expected,
  });
  assertClose("view", (await decodeForEvaluation(png(image), { size })).data, expected, {});
});

Deno.test("decodeForTraining() and decodeForEvaluation() leave out images below the minimum side, undecoded", async () => {
  const file = png(gradient(12, 40));
  const damaged = file.slice().fill(255, 60, 90); // within the compressed pixels
  await assertThrows(() => decodeForTraining(damaged, { recipe, decodeSize: 8 }), Error, /damaged/);
  for (const minSide of [13, 40]) {
    for (
      const decode of [
        () => decodeForTraining(damaged, { recipe, decodeSize: 8, minSide }),
        () => decodeForEvaluation(damaged, { size: 8, minSide }),
      ]
    ) {
      await assertThrows(
        decode,
        LeftOutError,
        new RegExp(`^its 12×40 pixels are below the minimum side of ${minSide}$`),
      );
    }
  }
  const { width } = await decodeForTraining(file, { recipe, decodeSize: 8, minSide: 12 });
  assertEquals(width, 8);
});

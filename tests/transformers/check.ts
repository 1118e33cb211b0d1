/**
 * `deno task test:transformers`: transformers.js loads the folder of `./run export --format transformers` and gives the
 * encoder's features. It runs apart from the suite, and with a lock file of its own, as the package is large.
 */
import { join } from "node:path";
import { evaluationImage } from "../../data/decode_usable.ts";
import { openEncoder } from "../../src/eval/open_encoder.ts";
import { exportEncoder } from "../../src/export/export_encoder.ts";
import { normalized, randomImage, rgbOf } from "../../src/export/random_images.ts";
import { largestDistance, openReference } from "../../src/export/reference_features.ts";
import type { DecodedImage } from "../../data/views/resize.ts";
import { assert, assertEquals } from "../assert.ts";
import { onGpu } from "../gpu/shared.ts";
import { temporaryFolder } from "../io/temporary_folder.ts";
import { writeDrawnEncoder } from "../export/drawn_encoder.ts";

/** Named here rather than imported, so that only this check installs it. */
const PACKAGE = "npm:@huggingface/transformers@4.3.1";
const { env, pipeline, RawImage } = await import(PACKAGE);
env.allowRemoteModels = false;

const SIZE = 64, network = { backbone: "resnet18", stem: "imagenet", size: SIZE } as const;

/** The distance of transformers.js's features of `images` from the encoder's, on a folder with or without preprocessing. */
async function distances(
  folder: string,
  { preprocess, images }: { preprocess: boolean; images: DecodedImage[] },
) {
  const path = await writeDrawnEncoder(folder, network), encoder = await openEncoder({ encoder: path }, null);
  await exportEncoder({
    encoder: path,
    format: "transformers",
    preprocess,
    out: join(folder, "model"),
    log() {},
  });
  env.localModelPath = folder;
  const extractor = await pipeline("image-feature-extraction", "model");
  using reference = await openReference(encoder);
  const found: number[] = [];
  for (const image of images) {
    const expected = await reference.featuresOf(normalized(evaluationImage(image, SIZE), encoder));
    const input = new RawImage(rgbOf(image), image.width, image.height, 3);
    const plain = await extractor(input), pooled = await extractor(input, { pool: true });
    assertEquals([plain.dims, pooled.dims], [[1, 512], [1, 512]]);
    assertEquals([...pooled.data], [...plain.data]);
    found.push(largestDistance(plain.data, { expected, dims: 512 }));
  }
  // Several images at once, of one size.
  const batch = images.slice(0, 2).map(({ data }) =>
    new RawImage(rgbOf({ ...images[0], data }), images[0].width, images[0].height, 3)
  );
  assertEquals((await extractor(batch)).dims, [2, 512]);
  await extractor.dispose();
  return found;
}

const image = (i: number, width: number, height: number) => randomImage(i, { width, height });

Deno.test("transformers.js gives the encoder's features of images of its size", onGpu, async () => {
  await using folder = await temporaryFolder();
  const images = [0, 1, 2].map((i) => image(i, SIZE, SIZE));
  const found = await distances(folder.path, { preprocess: false, images });
  assert(found.every((distance) => distance < 1e-4), `${found}`);
  console.log(`largest distance: ${Math.max(...found).toExponential(1)}`);
});

Deno.test(
  "transformers.js gives the encoder's features of images of any size, if the graph prepares them",
  onGpu,
  async () => {
    await using folder = await temporaryFolder();
    const images = [image(0, 91, 121), image(1, 91, 121), image(2, 300, 65), image(3, 33, 41)];
    const found = await distances(folder.path, { preprocess: true, images });
    assert(found.every((distance) => distance < 1e-4), `${found}`);
    console.log(`largest distance: ${Math.max(...found).toExponential(1)}`);
  },
);

Deno.test(
  "transformers.js resizes by itself otherwise, without the filter that shrinking needs",
  onGpu,
  async () => {
    await using folder = await temporaryFolder();
    const sizes = [[SIZE, 80], [128, 128], [300, 224], [33, 41]];
    const images = sizes.map(([width, height], i) => image(i, width, height));
    const found = await distances(folder.path, { preprocess: false, images });
    // Only told: what it does to pixels is not ours, and docs/export.md names the figures.
    sizes.forEach((size, i) =>
      console.log(`${size.join(" × ")} px: ${found[i].toExponential(1)} of the features' length`)
    );
    assert(found.every(Number.isFinite));
  },
);

import { assertClose, assertEquals, assertThrows } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";
import { countedReads } from "../gpu/counted_reads.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";
import { Memory, type Store } from "../../src/gpu/memory.ts";
import {
  collectFeatures,
  createFeatureExtractor,
  type ImageBatch,
  pixelMaker,
} from "../../src/eval/features.ts";
import { tensorIn } from "../../src/graph/tensor.ts";
import { globalAveragePool } from "../../src/ops/global_average_pool.ts";
import { linear } from "../../src/ops/linear.ts";

const SIZE = 2, BATCH = 96, COUNT = 1500;
const pixels = hashSigned("features.images", COUNT * SIZE * SIZE * 4);
const labels = Int32Array.from({ length: COUNT }, (_, i) => i % 7 - 1);

/** The images in batches, of which the last is smaller; counts those that were released. */
function batches() {
  const released: number[] = [];
  async function* images(): AsyncGenerator<ImageBatch<Float32Array<ArrayBuffer>>> {
    for (let first = 0; first < COUNT; first += BATCH) {
      const end = Math.min(COUNT, first + BATCH), row = SIZE * SIZE * 4;
      const values = Float32Array.from(pixels.subarray(first * row, end * row));
      // Overwritten on release: it must have been used by then.
      const release = () => {
        released.push(end - first);
        values.fill(NaN);
      };
      yield { images: values, labels: labels.slice(first, end), release };
    }
  }
  return { images: images(), released };
}

/** An encoder that averages the pixels of each image, and a projector to twice as many dimensions. */
async function extractorIn(memory: Memory, { projects }: { projects: boolean }) {
  const w: Store = { name: "w", category: "parameters", bytes: 4 * 4 * 8 };
  memory.write(w, hashSigned("features.w", 32) as Float32Array<ArrayBuffer>);
  const projected = tensorIn(w, { shape: [1, 1, 4, 8] });
  return await Promise.resolve(createFeatureExtractor(memory, {
    encoder: (tape, x) => globalAveragePool(tape, { x, name: "mean" }),
    ...projects && { projector: (tape, x) => linear(tape, { x, w: projected, name: "projection" }) },
    batch: BATCH,
    size: SIZE,
  }));
}

const means = Float64Array.from({ length: COUNT * 4 }, (_, i) => {
  const image = Math.floor(i / 4), c = i % 4;
  return [0, 1, 2, 3].reduce((sum, p) => sum + pixels[(image * 4 + p) * 4 + c] / 4, 0);
});

Deno.test("collectFeatures() keeps the order, and reads back once in 512 images or more", onGpu, async () => {
  using memory = new Memory(await sharedGpu());
  using extractor = await extractorIn(memory, { projects: false });
  for (let pass = 0; pass < 2; pass++) {
    const { images, released } = batches();
    const reads = await countedReads(async () => {
      const found = await collectFeatures(images, { maker: extractor });
      assertEquals([found.dims, found.labels], [4, labels]);
      assertClose("features", found.features, means, { absolute: 1e-6 });
    });
    // 576, 576 and the remaining 348.
    assertEquals([reads, released.length], [3, Math.ceil(COUNT / BATCH)]);
  }
});

Deno.test(
  "createFeatureExtractor() projects only the images that were added with project",
  onGpu,
  async () => {
    using memory = new Memory(await sharedGpu());
    using extractor = await extractorIn(memory, { projects: true });
    const w = hashSigned("features.w", 32);
    const expected = Float64Array.from({ length: COUNT * 8 }, (_, i) => {
      const image = Math.floor(i / 8), k = i % 8;
      return [0, 1, 2, 3].reduce((sum, c) => sum + means[image * 4 + c] * w[c * 8 + k], 0);
    });
    const { images } = batches();
    const reads = await countedReads(async () => {
      const { features } = await collectFeatures(images, {
        maker: { add: (images, n) => extractor.add(images, n, { project: true }), take: extractor.take },
      });
      assertClose("features", features, means, { absolute: 1e-6 });
      assertClose("projections", await extractor.takeProjections(), expected, { absolute: 1e-6 });
    });
    assertEquals(reads, 6);
    await collectFeatures(batches().images, { maker: extractor });
    assertEquals((await extractor.takeProjections()).length, 0);
    using plain = await extractorIn(memory, { projects: false });
    await assertThrows(() => plain.takeProjections(), TypeError, /without a projector/);
  },
);

Deno.test("collectFeatures() takes raw pixels without a GPU, and ends when aborted", async () => {
  const { features, dims } = await collectFeatures(batches().images, { maker: pixelMaker(SIZE) });
  const expected = pixels.filter((_, i) => i % 4 < 3);
  assertEquals(dims, SIZE * SIZE * 3);
  assertClose("pixels", features, expected, { absolute: 0 });
  const signal = AbortSignal.abort(new Error("enough"));
  await assertThrows(
    () => collectFeatures(batches().images, { maker: pixelMaker(SIZE), signal }),
    Error,
    /enough/,
  );
});

import { type Batch, evaluationBatches, trainingBatches } from "../../data/pipeline.ts";
import { diskCache } from "../../data/disk_cache.ts";
import { evaluationEntries, memoryCache, type PixelCache } from "../../data/pixel_cache.ts";
import type { IndexedSource } from "../../data/sources/types.ts";
import type { DecodedImage } from "../../data/views/resize.ts";
import { recipes } from "../../data/views/recipe.ts";
import { assert, assertEquals } from "../assert.ts";
import { temporaryFolder } from "../io/temporary_folder.ts";
import { gradient, jpeg, memorySource } from "./fixtures.ts";

/** An image of one value. */
const plain = (value: number, side = 4): DecodedImage => ({
  width: side,
  height: side,
  data: new Uint8Array(side * side * 4).fill(value),
});
const valueOf = (cache: PixelCache, index: number) => cache.get(index)?.data[0];

Deno.test("memoryCache() keeps copies while there is room", () => {
  const cache = memoryCache(150), image = plain(1);
  cache.set(0, image);
  image.data.fill(9);
  cache.set(1, plain(2));
  cache.set(2, plain(3)); // 64 bytes each: there is no room
  assertEquals([0, 1, 2].map((i) => [cache.has(i), valueOf(cache, i)]), [[true, 1], [true, 2], [
    false,
    undefined,
  ]]);
  cache.close();
});

Deno.test("diskCache() keeps its images for the same identity only", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/pixels.bin`;
  const first = diskCache(path, { identity: "A" });
  first.set(5, plain(50));
  first.set(7, plain(70, 6));
  first.close();
  const again = diskCache(path, { identity: "A" });
  assertEquals([valueOf(again, 5), valueOf(again, 7), again.get(7)?.width, again.has(6)], [50, 70, 6, false]);
  again.close();

  // Another identity replaces it, and the process is killed before it has written its index.
  const others = diskCache(path, { identity: "B" });
  assertEquals(others.has(5), false);
  others.set(5, plain(99));
  const back = diskCache(path, { identity: "A" });
  assertEquals(back.has(5), false, "A sees an image of B");
  back.close();
  others.close();
});

Deno.test("diskCache() respects its size limit, and survives a truncated file", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/pixels.bin`;
  const cache = diskCache(path, { identity: "A", bytes: 150 });
  for (let i = 0; i < 4; i++) cache.set(i, plain(i));
  assertEquals([0, 1, 2, 3].map((i) => cache.has(i)), [true, true, false, false]);
  cache.close();
  assertEquals((await Deno.stat(path)).size, 128);
  await Deno.truncate(path, 100);
  const cut = diskCache(path, { identity: "A" });
  assertEquals([valueOf(cut, 0), cut.has(1)], [0, false]);
  cut.close();
});

const files = await Promise.all(
  Array.from({ length: 9 }, (_, i) => jpeg(gradient(33 + i, 50 - i, { seed: i }))),
);
const options = { batch: 3, size: 32, recipe: recipes.cifar, seed: 7, workers: 2 };

async function take(stream: ReadableStream<Batch>, count: number) {
  const batches = [];
  for await (const { views, indices, release } of stream) {
    batches.push({ views: [...views], indices });
    release();
    if (batches.length === count) break;
  }
  return batches;
}

Deno.test("trainingBatches() gives the same batches with a cache, and does not read cached images again", async () => {
  await using folder = await temporaryFolder();
  const source = await memorySource(files), expected = await take(trainingBatches({ ...options, source }), 6);
  for (const cache of [memoryCache(), diskCache(`${folder.path}/pixels.bin`, { identity: "A" })]) {
    const read: number[] = [];
    const counted: IndexedSource = {
      ...source,
      read: (index) => {
        read.push(index);
        return source.read(index);
      },
    };
    assertEquals(await take(trainingBatches({ ...options, source: counted, cache }), 6), expected);
    assertEquals([...new Set(read)].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    const before = read.length;
    assertEquals(await take(trainingBatches({ ...options, source: counted, cache }), 6), expected);
    assertEquals(read.length, before, "cached images were read again");
    cache.close();
  }
});

Deno.test("evaluationBatches() keeps views of whole images beside the shrunk images of training", async () => {
  const source = await memorySource(files),
    cache = memoryCache(),
    shrunk = { ...options, decodeSize: 8, size: 8 };
  const views = async (cached: PixelCache | undefined) => {
    const batches = await Array.fromAsync(evaluationBatches({ ...shrunk, source, cache: cached }));
    return batches.flatMap(({ images }) => [...images]);
  };
  const expected = await views(undefined), training = await take(trainingBatches({ ...shrunk, source }), 3);
  // In turns, so that each could meet what the other has cached.
  for (let turn = 0; turn < 2; turn++) {
    assertEquals(await take(trainingBatches({ ...shrunk, source, cache }), 3), training);
    assertEquals(await views(cache), expected);
  }
  for (let i = 0; i < files.length; i++) {
    const kept = evaluationEntries(cache).get(i)!,
      shrunkSide = Math.min(cache.get(i)!.width, cache.get(i)!.height);
    assertEquals([kept.width, kept.height, shrunkSide], [8, 8, 8]);
    assert(cache.get(i)!.data.length !== kept.data.length || i === 8, "the training image is the view");
  }
  cache.close();
});

Deno.test("trainingBatches() substitutes a bad image by its index; evaluationBatches() skips it", async () => {
  const withBad = await memorySource(files.map((file, i) => i === 4 ? file.subarray(0, 200) : file));
  const both = { ...options, source: withBad, onBadImage: "substitute" } as const;
  const epochs = await take(trainingBatches(both), 6);
  for (const half of [epochs.slice(0, 3), epochs.slice(3)]) {
    assertEquals(
      half.flatMap(({ indices }) => indices).sort(),
      [0, 1, 2, 3, 4, 5, 6, 7, 8],
      "no batch is smaller",
    );
  }
  const one = await take(trainingBatches({ ...both, workers: 1 }), 6);
  assertEquals(one, epochs);
  const reported: number[] = [];
  const evaluated = await Array.fromAsync(
    evaluationBatches({ ...both, onBad: ({ index }) => reported.push(index) }),
  );
  assertEquals(evaluated.flatMap(({ indices }) => indices), [0, 1, 2, 3, 5, 6, 7, 8]);
  assert(reported.includes(4), "it was not reported");
});

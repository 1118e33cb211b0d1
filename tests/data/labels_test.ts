/** Labels of training batches: of images that were read, cached, substituted, or in a subset. */
import { type Batch, type BatchOptions, trainingBatches } from "../../data/pipeline.ts";
import { memoryCache } from "../../data/pixel_cache.ts";
import { joinSources } from "../../data/sources/joined.ts";
import { listedSource } from "../../data/sources/listed.ts";
import { subsetOf } from "../../data/subset.ts";
import { recipes } from "../../data/views/recipe.ts";
import { assert, assertEquals } from "../assert.ts";
import { gradient, jpeg, memorySource } from "./fixtures.ts";

const size = 16, batch = 4;
const files = await Promise.all(Array.from({ length: 8 }, (_, i) => jpeg(gradient(20 + i, 20, { seed: i }))));
const source = await memorySource(files);

async function take(options: Partial<BatchOptions>, count: number): Promise<Batch[]> {
  const batches: Batch[] = [];
  const given = { source, batch, size, recipe: recipes.cifar, seed: 3, workers: 1, ...options };
  for await (const { views, release, ...rest } of trainingBatches(given)) {
    batches.push({ ...rest, release, views: views.slice() });
    release();
    if (batches.length === count) break;
  }
  return batches;
}

Deno.test("trainingBatches() gives the labels of the images, −1 where there is none", async () => {
  const unlabeled = await listedSource({
    name: "half",
    items: files.map((file, i) => ({ key: `${i}`, label: i % 2 ? null : i, file })),
    classes: [],
    identity: "",
    bytes: ({ file }) => Promise.resolve(file),
  });
  for (const { labels, indices } of await take({ source: unlabeled }, 4)) {
    assertEquals([...labels], indices.map((i) => i % 2 ? -1 : i));
  }
});

Deno.test("trainingBatches() gives cached images their labels without reading them", async () => {
  using held = { cache: memoryCache(1e6), [Symbol.dispose]: () => held.cache.close() };
  const first = await take({ cache: held.cache }, 2);
  assertEquals(files.every((_, i) => held.cache.has(i)), true);
  const reads: number[] = [];
  const watched = { ...source, read: (index: number) => (reads.push(index), source.read(index)) };
  const later = await take({ source: watched, cache: held.cache }, 2);
  assertEquals(reads, [], "a cached image was read again");
  const all = [...first, ...later];
  for (const { labels, indices } of all) assertEquals([...labels], indices.map((i) => i % 3));
});

Deno.test("trainingBatches() gives a substitute its own label", async () => {
  const broken = await memorySource(files.map((file, i) => i === 5 ? file.subarray(0, 60) : file));
  const batches = await take({ source: broken, onBadImage: "substitute" }, 20);
  const labels = batches.flatMap((b) => b.indices.flatMap((index, i) => index === 5 ? [b.labels[i]] : []));
  assertEquals(labels.length, 10);
  // The bad image's index decides which image replaces it; the views show which it was.
  const plain = { name: "plain", views: [{}, {}], mean: [0, 0, 0], std: [1, 1, 1], size } as const;
  const shown = await take({ source: broken, onBadImage: "substitute", recipe: plain }, 2);
  const view = (index: number) => {
    const found = shown.find(({ indices }) => indices.includes(index))!, at = found.indices.indexOf(index);
    return `${found.views.subarray(at * size * size * 4, (at + 1) * size * size * 4)}`;
  };
  const original = [0, 1, 2, 3, 4, 6, 7].find((index) => view(index) === view(5));
  assert(original !== undefined, "no substitute was found");
  assertEquals(new Set(labels), new Set([original! % 3]));
});

Deno.test("label() needs no reading, and joinSources() maps labels to the united classes", async () => {
  assertEquals(files.map((_, i) => source.label(i)), files.map((_, i) => i % 3));
  const other = await listedSource({
    name: "other",
    items: [{ key: "x", label: 0, file: files[0] }],
    classes: ["d"],
    identity: "",
    bytes: ({ file }) => Promise.resolve(file),
  });
  const joined = await joinSources([source, other]);
  assert(joined.kind === "indexed");
  assertEquals([joined.label(7), joined.label(8)], [1, 3]);
});

Deno.test("subsetOf() gives the chosen images in the given order", async () => {
  const part = subsetOf(source, [6, 1]);
  assertEquals([part.length, part.key(0), part.label(0), part.label(1)], [2, "image-6", 0, 1]);
  const { index, key, bytes } = await part.read(1);
  assertEquals([index, key, bytes === files[1]], [1, "image-1", true]);
  const keys: string[] = [];
  for await (const image of part) keys.push(`${image.index} ${image.key}`);
  assertEquals(keys, ["6 image-6", "1 image-1"]);
  assert(
    part.fingerprint !== source.fingerprint && part.fingerprint !== subsetOf(source, [1, 6]).fingerprint,
  );
});

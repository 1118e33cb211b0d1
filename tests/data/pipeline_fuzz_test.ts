/** Fuzzing the whole pipeline: thousands of damaged images among good ones. None is lost, none is delivered twice. */
import { decodeImage } from "../../data/decode.ts";
import { evaluationBatches, type OnBadImage, trainingBatches } from "../../data/pipeline.ts";
import type { ImageSource } from "../../data/sources/types.ts";
import { openSource } from "../../data/sources/open.ts";
import { subsetOf } from "../../data/subset.ts";
import { applyView } from "../../data/views/apply.ts";
import { evaluationView } from "../../data/views/draw.ts";
import { recipes } from "../../data/views/recipe.ts";
import { UserError } from "../../src/base/errors.ts";
import { type BadImage, BadImages } from "../../src/run/bad_images.ts";
import { keyedRandom } from "../../src/base/random.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { temporaryFolder } from "../io/temporary_folder.ts";
import { tar, tarEntry, withFolder } from "./fixtures.ts";
import { goldenFiles } from "./golden.ts";
import { innards, mutated } from "./mutations.ts";

/** 2,000 damaged images and 300 good ones. */
const COUNT = 2300, GOOD = 300;
const size = 8, batch = 32, recipe = recipes.cifar;
/** No image is larger, so that training sees them whole, as evaluations do. */
const decodeSize = 4096;
const extensions = ["jpg", "jpeg", "png", "webp", "gif", "tiff", "ppm"];

/** The files by name: good ones spread evenly, extensions at random. */
const { files, good } = (() => {
  const files: Record<string, Uint8Array> = {}, good = new Map<string, Uint8Array>();
  for (let i = 0; i < COUNT; i++) {
    const isGood = Math.floor(i * GOOD / COUNT) !== Math.floor((i + 1) * GOOD / COUNT);
    const key = `${i}.${extensions[keyedRandom(6, i).integer(extensions.length)]}`;
    files[key] = isGood ? goldenFiles[good.size % goldenFiles.length].file : mutated(7, i).bytes;
    if (isGood) good.set(key, files[key]);
  }
  return { files, good };
})();

/** The view of a good image. */
async function viewOf(bytes: Uint8Array): Promise<string> {
  const image = await decodeImage(bytes);
  const out = new Float32Array(size * size * 4);
  applyView(image, evaluationView({ ...image, size }), { size, mean: recipe.mean, std: recipe.std, out });
  return out.join();
}

const expected = new Map(
  await Promise.all(Array.from(
    good,
    async ([key, bytes]) => [key, await viewOf(bytes)] as const,
  )),
);
assertEquals(expected.size, GOOD);

/** The first images of `source`. */
const beginning = (source: ImageSource, count: number) =>
  subsetOf(source, Array.from({ length: count }, (_, i) => i));

/** Reads `source`: the indices and views delivered, and the lines of bad_images.jsonl. */
async function readAll(
  source: ImageSource,
  { onBadImage, workers, limit = COUNT }: { onBadImage: OnBadImage; workers: number; limit?: number },
): Promise<{ indices: number[]; views: string[]; bad: (BadImage & { source: string })[] }> {
  await using folder = await temporaryFolder();
  const reported: string[] = [], indices: number[] = [], views: string[] = [];
  const bad = await BadImages.open(folder.path, {
    resume: false,
    log: (line) => reported.push(line),
    source: source.name,
    max: COUNT,
    verb: "Skipped",
  });
  const options = {
    source: beginning(source, limit),
    batch,
    size,
    recipe,
    decodeSize,
    workers,
    onBadImage,
    onBad: bad.add,
  };
  for await (const { images, indices: mine, release } of evaluationBatches(options)) {
    const length = images.length / mine.length;
    assertEquals(length, size * size * 4);
    indices.push(...mine);
    mine.forEach((_, i) => views.push(images.subarray(i * length, (i + 1) * length).join()));
    release();
  }
  await bad.flush();
  const lines = (await Deno.readTextFile(`${folder.path}/bad_images.jsonl`)).trimEnd().split("\n");
  assertEquals([bad.count, reported.length], [lines.length, 5]);
  return { indices, views, bad: lines.map((line) => JSON.parse(line)) };
}

/** Checks that every image was delivered or reported exactly once, and that the good ones are unchanged. */
async function assertAllAccountedFor(source: ImageSource, keys: string[]): Promise<void> {
  const { indices, views, bad } = await readAll(source, { onBadImage: "skip", workers: 2 });
  assertEquals([...indices].sort((a, b) => a - b), indices, "in order");
  const all = [...indices, ...bad.map(({ index }) => index)].sort((a, b) => a - b);
  assertEquals(all, keys.map((_, i) => i), "each image is delivered or reported once");
  for (const { source: name, key, index, reason } of bad) {
    assertEquals([name, key], [source.name, keys[index]]);
    assert(/^its? ([a-z]|\d+×\d+ pixels)/.test(reason) && !innards.test(reason), `${key}: ${reason}`);
  }
  assert(bad.length > COUNT / 2, `only ${bad.length} are bad`);
  let right = 0;
  indices.forEach((index, i) => right += Number(views[i] === expected.get(baseName(keys[index]))));
  assertEquals(right, GOOD, "good images delivered unchanged");
}

const baseName = (key: string) => key.slice(key.lastIndexOf("/") + 1);

Deno.test("evaluationBatches() of a folder delivers or reports each of 2,000 damaged and 300 good images", async () => {
  await withFolder(files, async (folder) => {
    const source = await openSource(folder);
    assert(source.kind === "indexed", "it is streamed");
    const keys = Array.from({ length: source.length }, (_, i) => source.key(i));
    assertEquals([...keys].sort(), Object.keys(files).sort());
    await assertAllAccountedFor(source, keys);
  });
});

const archive = tar(Object.entries(files).map(([name, bytes]) => tarEntry(name, bytes)));

Deno.test("trainingBatches() of an archive substitutes damaged images", async () => {
  await withFolder({ "a.tar": archive }, async (folder) => {
    const source = await openSource(`${folder}/a.tar`);
    const keys = Object.keys(files).map((name) => `a.tar/${name}`);
    await assertAllAccountedFor(source, keys);
    const limit = 500; // as each damaged image costs several reads
    const skipped = await readAll(source, { onBadImage: "skip", workers: 1, limit });
    const replaced = await trained(source, { workers: 2, limit });
    const delivered = new Map(skipped.indices.map((index, i) => [index, skipped.views[i]]));
    // There is no substitute if all images drawn are bad too.
    const missing = limit - replaced.size;
    assert(missing < limit / 10, `${missing} have no substitute`);
    const views = new Set(delivered.values());
    for (const [index, view] of replaced) {
      assert(
        delivered.has(index) ? view === delivered.get(index) : views.has(view),
        `${keys[index]} is another`,
      );
    }
    assertEquals(await trained(source, { workers: 1, limit }), replaced);
  });
});

/** The views of one training epoch without augmentation, with substitutes for bad images, by index. */
async function trained(
  source: ImageSource,
  { workers, limit }: { workers: number; limit: number },
): Promise<Map<number, string>> {
  const options = {
    source: beginning(source, limit),
    size,
    decodeSize,
    workers,
    batch: 1,
    seed: 3,
    onBadImage: "substitute",
  } as const;
  const still = { ...recipe, views: [{}, {}] } as const;
  const found = new Map<number, string>();
  for await (
    const { views, indices: [index], epoch, release } of trainingBatches({ ...options, recipe: still })
  ) {
    if (epoch > 0) break;
    assert(!found.has(index), `${index} comes twice`);
    found.set(index, views.subarray(0, views.length / 2).join());
    release();
  }
  return new Map([...found].sort(([a], [b]) => a - b));
}

Deno.test("evaluationBatches() ends when onBad throws, with the bad images reported so far", async () => {
  await withFolder({ "a.tar": archive }, async (folder) => {
    const source = await openSource(`${folder}/a.tar`);
    const bad = await BadImages.open(folder, {
      resume: false,
      log() {},
      source: source.name,
      max: 40,
      verb: "Skipped",
    });
    const options = { source, batch, size, recipe, decodeSize, workers: 2, onBad: bad.add };
    await assertThrows(
      () => Array.fromAsync(evaluationBatches(options)),
      UserError,
      /go on with .*a\.tar": 41 images cannot be used, such as a\.tar\/\d+\.\w+: its? .*at most 40 are allowed \(--max-bad\)/,
    );
    assertEquals(bad.count, 41);
  });
});

import { gzipSync } from "node:zlib";
import { divide, sampleOf } from "../../data/divide.ts";
import { memoryCache } from "../../data/pixel_cache.ts";
import { type Batch, evaluationBatches, trainingBatches } from "../../data/pipeline.ts";
import { joinSources } from "../../data/sources/joined.ts";
import { openSource } from "../../data/sources/open.ts";
import { streamedSource } from "../../data/sources/streamed.ts";
import type { ImageSource, IndexedSource, Shard, StreamedSource } from "../../data/sources/types.ts";
import { subsetOf } from "../../data/subset.ts";
import { recipes } from "../../data/views/recipe.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { gradient, jpeg, memorySource, openIndexed, tar, tarEntry, withFolder } from "./fixtures.ts";
import { archive, assertResumes, plain, take } from "./streaming.ts";

/** Shards of the given lengths, class after class; the image `number` of shard s is its two bytes. */
async function fakeStream(
  lengths: number[],
  { known = true, labels = true } = {},
): Promise<{ source: StreamedSource; opened: [shard: number, from: number, at: number | null][] }> {
  const opened: [number, number, number | null][] = [];
  const total = lengths.reduce((a, b) => a + b), labelOf = (index: number) => Math.floor(10 * index / total);
  let first = 0;
  const shards = lengths.map((length, s): Shard => {
    const begin = first;
    first += length;
    return {
      name: `shard ${s}`,
      length: known ? length : null,
      async *open({ from, at = null }) {
        opened.push([s, from, at]);
        for (let number = from; number < length; number++) {
          const bytes = new Uint8Array([s, number]), label = labelOf(begin + number);
          yield {
            number,
            key: `${s}/${number}`,
            label,
            bytes,
            failure: number % 50 === 49 ? "damaged" : null,
            at: 10 * number,
          };
        }
      },
    };
  });
  const label = known && labels ? { label: labelOf } : {};
  const source = await streamedSource({ name: "fake", shards, classes: [], identity: "x", ...label });
  return { source, opened };
}

const indicesOf = async (source: ImageSource) =>
  (await take(source, { seed: null })).map(({ index }) => index);
const once = (n: number) => Array.from({ length: n }, (_, i) => i);

/** The indices of both parts, which must be all `n` images, each once. */
async function bothParts(
  source: ImageSource,
  { holdout, seed }: { holdout: number; seed: number },
  n: number,
) {
  const { train, heldOut } = divide(source, { holdout, seed });
  const held = await indicesOf(heldOut!), trained = await indicesOf(train);
  assertEquals([...held, ...trained].sort((a, b) => a - b), once(n), "parts overlap, or lack an image");
  return { train, heldOut: heldOut!, held, trained };
}

Deno.test("divide() holds out all classes of a folder, an archive and a stream that lie class after class", async () => {
  const image = await jpeg(), name = (i: number) => String(i).padStart(3, "0");
  const entries = once(60).flatMap((i) => [
    tarEntry(`${name(i)}.cls`, "abcdef"[Math.floor(i / 10)]),
    tarEntry(`${name(i)}.jpg`, image),
  ]);
  const files = once(60).map((i) => [`folder/${"abcdef"[Math.floor(i / 10)]}/${i}.jpg`, image]);
  await withFolder({ "a.tar": tar(entries), ...Object.fromEntries(files) }, async (folder) => {
    const archive = await openSource(`${folder}/a.tar`), images = await openSource(`${folder}/folder`);
    const joined = await joinSources([archive, (await fakeStream([40, 60])).source]);
    assert(
      joined.kind === "streamed" && joined.label?.(59) === 5,
      "a joined stream does not know its labels",
    );
    for (const [source, n, classes] of [[archive, 60, 6], [images, 60, 6], [joined, 160, 7]] as const) {
      const { heldOut, held } = await bothParts(source, { holdout: 24, seed: 1 }, n);
      assertEquals([heldOut.length, held.length, new Set(held).size], [24, 24, 24]);
      const labels = held.map((index) => source.label!(index));
      const counts = [...new Set(labels)].map((label) => labels.filter((other) => other === label).length);
      assertEquals(counts.length, classes, "a class is not among the held-out images");
      if (n === 60) assertEquals(counts, Array(6).fill(4));
      assertEquals(labels, held.map((_, place) => heldOut.label!(place)));
    }
  });
});

Deno.test("divide() takes the seed's order: hold-out first, then the limit; source order as it lies", async () => {
  const source = await openIndexed("shapes:100");
  const parts = (options: { holdout: number; limit?: number; seed: number; order?: "source" }) => {
    const { train, heldOut } = divide(source, options);
    return Promise.all([indicesOf(train), heldOut ? indicesOf(heldOut) : []]);
  };
  const [trained, held] = await parts({ holdout: 20, seed: 3 });
  const [few, same] = await parts({ holdout: 20, limit: 30, seed: 3 });
  assertEquals(same, held, "the limit changes what is held out");
  assertEquals([few.length, few.every((index) => trained.includes(index))], [30, true]);
  const classes = few.map((index) => index % 10);
  assertEquals(once(10).map((k) => classes.filter((other) => other === k).length), Array(10).fill(3));
  assertEquals(held, [...held].sort((a, b) => a - b));
  assert(`${(await parts({ holdout: 20, seed: 4 }))[1]}` !== `${held}`, "seeds hold out the same");
  const [first, after] = await parts({ holdout: 20, limit: 30, seed: 3, order: "source" });
  assertEquals([first, after], [once(30), once(20).map((i) => 30 + i)]);
  const [most, last] = await parts({ holdout: 5, seed: 3, order: "source" });
  assertEquals([most, last], [once(95), [95, 96, 97, 98, 99]]);
  assertEquals((await parts({ holdout: .25, seed: 3 }))[1].length, 25);
  assertEquals(divide(source, { holdout: 0, seed: 3 }), { train: source, heldOut: null });
  await assertThrows(
    () => divide(source, { holdout: 50, limit: 51, seed: 0 }),
    RangeError,
    /51 and 50 images: it has 100/,
  );
  assertEquals(divide(source, { holdout: 100, seed: 0 }).train.length, 0);
});

Deno.test("divide() gives parts that keep keys, labels, places and numbers, and parts of parts", async () => {
  const files = once(12).map((i) => new Uint8Array([i]));
  const source = await memorySource(files);
  const { train } = divide(source, { holdout: 4, seed: 2 });
  const part = subsetOf(train as IndexedSource, [6, 1]);
  for (const [of, places] of [[train as IndexedSource, once(8)], [part, [0, 1]]] as const) {
    for (const place of places) {
      const number = of.numberOf!(place), { index, key, label, bytes } = await of.read(place);
      assertEquals([index, key, label, bytes[0]], [number, `image-${number}`, number % 3, number]);
      assertEquals([of.key(place), of.label(place)], [key, label]);
    }
  }
  assertEquals(part.numberOf!(1), (train as IndexedSource).numberOf!(1));
  assert(
    new Set([source, train, part].map(({ fingerprint }) => fingerprint)).size === 3,
    "equal fingerprints",
  );
});

Deno.test("a part of a stream of known length resumes after any sample", async () => {
  for (const labels of [true, false]) {
    const { source } = await fakeStream([120, 70, 3, 107], { labels });
    const { train, heldOut, held } = await bothParts(source, { holdout: 60, seed: 5 }, 300);
    assertEquals([train.length, heldOut.length], [240, 60]);
    await assertResumes(train, { count: 240, cuts: [0, 1, 100, 238, 239, 240, 300, 479, 600] });
    await assertResumes(heldOut, { count: 60, cuts: [0, 59, 60, 130] });
    if (!labels) continue;
    assertEquals(once(10).map((k) => held.filter((i) => Math.floor(i / 30) === k).length), Array(10).fill(6));
  }
});

Deno.test("a part of a stream opens its shards at the images that it has", async () => {
  const { source, opened } = await fakeStream([4000, 4200]);
  const train = subsetOf(source, once(8200).filter((i) => i % 5 === 2));
  const all = plain(await take(train, { seed: 1 }, 1010));
  // The second block begins after all 840 images of shard 1, with image 5 · 160 + 2 of shard 0.
  const { block } = all[999].next, rank = block!.shardRank;
  assertEquals([block!.number, rank, block!.from, block!.at], [1, 1, 160, 8020]);
  opened.length = 0;
  assertEquals(plain(await take(train, { seed: 1, start: all[999].next }, 5)), all.slice(1000, 1005));
  assertEquals(opened[0], [0, 802, 8020]);
});

Deno.test("divide() draws a share of a stream of unknown length, which resumes after any sample", async () => {
  const { source } = await fakeStream([900, 400, 200], { known: false });
  const { train, heldOut } = divide(source, { holdout: .1, seed: 8 });
  assertEquals([train.length, heldOut!.length], [null, null]);
  const held = await indicesOf(heldOut!), trained = await indicesOf(train);
  assertEquals(
    [...held, ...trained].sort((a, b) => a - b),
    await indicesOf(source),
    "parts overlap or lack images",
  );
  for (const [s, expected] of [90, 40, 20].entries()) {
    const count = held.filter((index) => Math.floor(index / 2 ** 32) === s).length;
    assert(Math.abs(count - expected) < 4 * Math.sqrt(expected), `${count} of shard ${s}`);
  }
  await assertResumes(train, { count: trained.length, cuts: [0, 500, 998, 1000, trained.length, 1500] });
  const other = divide(source, { holdout: .1, seed: 9 });
  assert(`${await indicesOf(other.heldOut!)}` !== `${held}`, "seeds hold out the same");
  await assertThrows(
    () => divide(source, { holdout: 10, seed: 0 }),
    RangeError,
    /"fake" off: their number is unknown/,
  );
  await assertThrows(
    () => divide(source, { holdout: 0, limit: 5, seed: 0 }),
    RangeError,
    /number is unknown/,
  );
});

Deno.test("sampleOf() takes images like the whole, or the first ones of the shards", async () => {
  const source = await openIndexed("shapes:200");
  const sample = await indicesOf(sampleOf(source, { count: 30, seed: 2 }));
  assertEquals(once(10).map((k) => sample.filter((i) => i % 10 === k).length), Array(10).fill(3));
  assertEquals(await indicesOf(sampleOf(source, { count: 3, order: "source", seed: 2 })), [0, 1, 2]);
  assertEquals(sampleOf(source, { count: 200, seed: 2 }), source);
  const { source: stream } = await fakeStream([30, 2, 40], { known: false });
  const first = await indicesOf(sampleOf(stream, { count: 12, seed: 2 }));
  assertEquals(first, [...once(4), ...once(2).map((i) => 2 ** 32 + i), ...once(4).map((i) => 2 ** 33 + i)]);
  const few = await indicesOf(sampleOf(stream, { count: 2, seed: 2 }));
  assertEquals([few.length, few.every((index) => index % 2 ** 32 === 0)], [2, true]);
  // Of a part, as kNN takes its references.
  const { train } = divide(stream, { holdout: .5, seed: 1 }), part = await indicesOf(train);
  const some = await indicesOf(sampleOf(train, { count: 6, seed: 2 }));
  assert(some.length > 0 && some.every((index) => part.includes(index)), `${some} are not of ${part}`);
});

Deno.test("trainingBatches() of a part draws, caches and reports images by their numbers in the whole", async () => {
  const files = await Promise.all(once(12).map((i) => jpeg(gradient(33 + i, 50 - i, { seed: i }))));
  files[7] = files[7].subarray(0, 100);
  const source = await memorySource(files), numbers = [2, 3, 7, 8, 11];
  const options = { batch: 2, size: 32, recipe: recipes.cifar, seed: 7, workers: 1 };
  const read = async (
    part: ImageSource,
    cache = memoryCache(),
    onBadImage: "skip" | "substitute" = "skip",
  ) => {
    const bad: number[] = [], batches: Pick<Batch, "views" | "indices">[] = [];
    const onBad = ({ index }: { index: number }) => bad.push(index);
    for await (
      const { views, indices, release } of trainingBatches({
        ...options,
        source: part,
        cache,
        onBadImage,
        onBad,
      })
    ) {
      batches.push({ views: views.slice(), indices });
      release();
      if (batches.length === 6) break;
    }
    return { bad, batches };
  };
  const viewsOf = ({ batches }: Awaited<ReturnType<typeof read>>) => batches.map(({ views }) => [...views]);
  const cache = memoryCache(), part = await read(subsetOf(source, numbers), cache);
  const seen = new Set(part.batches.flatMap(({ indices }) => indices));
  assertEquals([...seen].sort((a, b) => a - b), [2, 3, 8, 11]);
  assertEquals([part.bad.every((index) => index === 7), part.bad.length > 0], [true, true]);
  assertEquals([cache.has(11), cache.has(1)], [true, false]);
  const cached = await read(subsetOf(source, numbers), cache);
  assertEquals(viewsOf(cached), viewsOf(part), "the cache is kept by other numbers");
  const replaced = await read(subsetOf(source, numbers), memoryCache(), "substitute");
  assert(replaced.batches.some(({ indices }) => indices.includes(7)), "nothing takes the bad image's place");
  const reads: number[] = [];
  const counting = { ...source, read: (index: number) => (reads.push(index), source.read(index)) };
  await read(subsetOf(counting, numbers), undefined, "substitute");
  assert(reads.every((index) => numbers.includes(index)), "a substitute is from outside the part");
  const bad: number[] = [];
  const broken = {
    ...source,
    read: (i: number) => i === 8 ? Promise.reject(new Error("gone")) : source.read(i),
  };
  for await (
    const { release } of evaluationBatches({
      ...options,
      source: subsetOf(broken, numbers),
      onBad: ({ index }) => bad.push(index),
    })
  ) release();
  assertEquals(bad, [7, 8]);
});

Deno.test("a held-out part of compressed archives has its images, each once", async () => {
  await withFolder(
    { "a.tar.gz": gzipSync(archive(0, 300)), "b.tar.gz": gzipSync(archive(300, 520)) },
    async (folder) => {
      const source = await openSource(folder);
      const { train, heldOut } = await bothParts(source, { holdout: 52, seed: 1 }, 520);
      const whole = new Map((await take(source, { seed: null })).map((sample) => [sample.index, sample]));
      for (const { index, key, label, bytes } of await take(heldOut, { seed: null })) {
        const expected = whole.get(index)!;
        assertEquals([key, label, bytes], [expected.key, expected.label, expected.bytes]);
      }
      await assertResumes(train, { count: 468, cuts: [0, 200, 467, 468, 700] });
    },
  );
});

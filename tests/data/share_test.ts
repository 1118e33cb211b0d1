/** Batches cut by rank before they are read: together they are those of one process. */
import { trainingBatches } from "../../data/pipeline.ts";
import type { Position } from "../../data/order.ts";
import { openSource } from "../../data/sources/open.ts";
import { streamedSource } from "../../data/sources/streamed.ts";
import type { ImageSource, Shard } from "../../data/sources/types.ts";
import { recipes } from "../../data/views/recipe.ts";
import { UserError } from "../../src/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { memorySource, png } from "./fixtures.ts";
import { take } from "./streaming.ts";

const BATCH = 3, SEED = 5;

/** The samples of `count` batches of a process alone, and where it goes on after each. */
async function alone(source: ImageSource, { start, count }: { start?: Position; count: number }) {
  const samples = await take(
    source,
    { seed: SEED, start, share: { rank: 0, ranks: 1, batch: BATCH } },
    BATCH * count,
  );
  const batches = Array.from({ length: count }, (_, i) => samples.slice(BATCH * i, BATCH * (i + 1)));
  return batches.map((batch) => ({
    indices: batch.map(({ index }) => index),
    place: batch[BATCH - 1].places![0],
  }));
}

/** 23 images, of which an epoch of 7 batches drops 2; in shards of known and of unknown length, too. */
async function sources(): Promise<{ source: ImageSource; reads: () => number }[]> {
  let reads = 0;
  const indexed = await memorySource(Array.from({ length: 23 }, (_, i) => Uint8Array.of(i)));
  const { read } = indexed;
  indexed.read = (...args) => {
    reads++;
    return read(...args);
  };
  const streams = await Promise.all([true, false].map((known) => {
    const shards = [9, 0, 8, 6].filter(Boolean).map((length, s): Shard => ({
      name: `shard ${s}`,
      length: known ? length : null,
      async *open({ from }) {
        for (let number = from; number < length; number++) {
          yield {
            number,
            key: `${s}/${number}`,
            label: 0,
            bytes: Uint8Array.of(number),
            failure: null,
            at: null,
          };
        }
      },
    }));
    return streamedSource({ name: "streamed", shards, classes: [], identity: "" });
  }));
  return [indexed, ...streams].map((source) => ({ source, reads: () => reads }));
}

Deno.test("the batches of all ranks are those of one process, from any start and across epochs", async () => {
  for (const { source } of await sources()) {
    for (const ranks of [1, 2, 3, 4]) {
      const count = 24;
      const whole = await alone(source, { count: count + 4 });
      for (const skipped of [0, 2, 5]) {
        const start = skipped === 0 ? undefined : whole[skipped - 1].place.next;
        const expected = skipped === 0 ? whole : await alone(source, { start, count });
        // A stream of a process goes on where it was left.
        assertEquals(
          expected.slice(0, 10).map(({ indices }) => indices),
          whole.slice(skipped, skipped + 10).map(({ indices }) => indices),
        );
        for (let rank = 0; rank < ranks; rank++) {
          const share = { rank, ranks, batch: BATCH }, rounds = count / ranks;
          const samples = await take(source, { seed: SEED, start, share }, BATCH * rounds);
          for (let round = 0; round < rounds; round++) {
            const own = samples.slice(BATCH * round, BATCH * (round + 1));
            const theirs = expected.slice(ranks * round, ranks * (round + 1));
            assertEquals(own.map(({ index }) => index), theirs[rank].indices);
            assertEquals(own[BATCH - 1].places, theirs.map(({ place }) => place));
          }
        }
      }
    }
  }
});

Deno.test("a rank reads no more than its own batches", async () => {
  const [{ source, reads }] = await sources(), ahead = 8;
  await take(source, { seed: SEED, share: { rank: 1, ranks: 4, batch: BATCH } }, BATCH * 10);
  assert(reads() >= BATCH * 10 && reads() <= BATCH * 10 + ahead, `${reads()} images were read`);
});

Deno.test("trainingBatches() with a share gives every other batch, views and all", async () => {
  const source = await openSource("shapes:11");
  const options = { source, batch: 3, size: 8, recipe: recipes.shapes, seed: 2, workers: 1 };
  const first = async (count: number, more: object) => {
    const found = [];
    for await (
      const { views, labels, indices, next, places, release } of trainingBatches({ ...options, ...more })
    ) {
      found.push({ views: [...views], labels: [...labels], indices, next, places: [...places] });
      release();
      if (found.length === count) break;
    }
    return found;
  };
  const whole = await first(8, {}), own = await first(4, { share: { rank: 1, ranks: 2 } });
  own.forEach(({ views, labels, indices, next, places }, round) => {
    const theirs = whole[2 * round + 1];
    assertEquals([views, labels, indices, next], [theirs.views, theirs.labels, theirs.indices, theirs.next]);
    assertEquals(places, [...whole[2 * round].places, ...theirs.places]);
  });
  source.close();
});

Deno.test("with a share, an image that cannot be used ends the stream, unless it is substituted", async () => {
  const files = Array.from({ length: 6 }, (_, i) => i === 4 ? Uint8Array.of(1, 2, 3) : png());
  const source = await memorySource(files);
  const options = { source, batch: 3, size: 8, recipe: recipes.cifar, seed: 0, workers: 1 };
  const read = async (more: object) => {
    for (const rank of [0, 1]) {
      let count = 0;
      for await (const { release } of trainingBatches({ ...options, ...more, share: { rank, ranks: 2 } })) {
        release();
        if (++count === 2) break;
      }
    }
  };
  await assertThrows(() => read({}), UserError, /Cannot use image "image-4": .*--on-bad-image substitute/);
  await read({ onBadImage: "substitute" });
});

import { assembleViews } from "../../data/assemble.ts";
import {
  type BadImage,
  collate,
  type CollateOptions,
  type PreparedGroup,
  type Sample,
} from "../../data/collate.ts";
import { group } from "../../data/group.ts";
import { sourceOrder, trainingOrder } from "../../data/order.ts";
import { orderedMap } from "../../data/ordered_map.ts";
import { ReadableStream } from "../../data/streams.ts";
import { UserError } from "../../src/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

function take<T>(items: Iterable<T>, count: number): T[] {
  const taken: T[] = [];
  for (const item of items) {
    if (taken.push(item) === count) break;
  }
  return taken;
}

Deno.test("trainingOrder() permutes the samples by epoch and seed, from any start", () => {
  const options = { length: 7, seed: 3, start: { epoch: 0, offset: 0 } };
  const visits = take(trainingOrder(options), 21);
  const epochs = [0, 1, 2].map((epoch) => visits.filter((v) => v.epoch === epoch));
  for (const visits of epochs) {
    assertEquals(visits.map((v) => v.index).sort(), [0, 1, 2, 3, 4, 5, 6]);
    assertEquals(visits.map((v) => v.offset), [0, 1, 2, 3, 4, 5, 6]);
  }
  const order = (visits: { index: number }[]) => visits.map((v) => v.index).join();
  assert(order(epochs[0]) !== order(epochs[1]), "two epochs have the same order");
  assert(order(epochs[0]) !== order(take(trainingOrder({ ...options, seed: 4 }), 7)), "seeds do not matter");
  assertEquals(take(trainingOrder({ ...options, start: { epoch: 1, offset: 5 } }), 9), visits.slice(12));
  assertEquals([...sourceOrder({ length: 2 })].map((v) => v.index), [0, 1]);
});

Deno.test("orderedMap() keeps the order, limits concurrency, and starts when asked", async () => {
  let running = 0, most = 0, begun = 0;
  const work = async (i: number) => {
    begun++;
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, (7 * i) % 5));
    running--;
    return i * i;
  };
  const stream = ReadableStream.from(Array.from({ length: 20 }, (_, i) => i)).pipeThrough(
    orderedMap(work, 3),
  );
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(begun, 0);
  assertEquals(await Array.fromAsync(stream), Array.from({ length: 20 }, (_, i) => i * i));
  assertEquals(most, 3);
});

Deno.test("orderedMap() throws a failure in its turn", async () => {
  const work = (i: number) => i === 2 ? Promise.reject(new RangeError("two")) : Promise.resolve(i);
  const got: number[] = [];
  await assertThrows(
    async () => {
      for await (const i of ReadableStream.from([0, 1, 2, 3, 4]).pipeThrough(orderedMap(work, 4))) {
        got.push(i);
      }
    },
    RangeError,
    /two/,
  );
  assert(got.length <= 2);
});

Deno.test("group() gathers small items and leaves large ones alone", async () => {
  const stage = group<number>({ count: 3, weight: 10, weigh: (i) => i });
  const groups = await Array.fromAsync(ReadableStream.from([1, 1, 1, 1, 20, 30, 2, 2]).pipeThrough(stage));
  assertEquals(groups, [[1, 1, 1], [1, 20], [30], [2, 2]]);
});

/** Groups of visits whose single value per view is 10 · index + view; the indices in `bad` are bad. */
function groups(visits: Iterable<[epoch: number, offset: number]>, { bad = [] as number[], views = 2 } = {}) {
  return Array.from(visits, ([epoch, offset]): PreparedGroup => {
    const next = { epoch, offset: offset + 1 };
    const sample: Sample = { epoch, offset, index: offset, key: `k${offset}`, label: null, next };
    const isBad = bad.includes(offset);
    const image = {
      width: 1,
      height: 1,
      pixels: new Uint8Array(0),
      records: new Int32Array(0),
      views: Float32Array.from({ length: views }, (_, v) => 10 * offset + v),
      original: null,
    };
    return {
      samples: [sample],
      images: [isBad ? null : image],
      rejections: [isBad ? { reason: "damaged" } : null],
      release() {},
    };
  });
}
const epochsOf = (limit: number, epochs: number): [number, number][] =>
  Array.from({ length: limit * epochs }, (_, i) => [Math.floor(i / limit), i % limit]);

/** The batches, as [values, indices, epoch, offset] and the indices of the bad images reported with them. */
async function collated(
  input: PreparedGroup[],
  { views = 2, ...options }: Partial<CollateOptions> & { views?: number } = {},
) {
  const stage = collate({ batch: 2, limit: 5, partial: "drop", onBad() {}, ...options });
  const assemble = assembleViews({ batch: 2, views, viewLength: 1 });
  const batches = await Array.fromAsync(ReadableStream.from(input).pipeThrough(stage));
  return batches.map(assemble).map(({ views, samples, bad, next }) => [
    [...views],
    samples.map((s) => s.index),
    next.epoch,
    next.offset,
    bad.map((b) => b.index),
  ]);
}

Deno.test("collate() puts view 1 of all images before view 2, and drops partial batches at the end of each epoch", async () => {
  assertEquals(await collated(groups(epochsOf(5, 2))), [
    [[0, 10, 1, 11], [0, 1], 0, 2, []],
    [[20, 30, 21, 31], [2, 3], 1, 0, []],
    [[0, 10, 1, 11], [0, 1], 1, 2, []],
    [[20, 30, 21, 31], [2, 3], 2, 0, []],
  ]);
});

Deno.test("collate() keeps the last partial batch with partial: keep", async () => {
  const input = groups(epochsOf(5, 1), { views: 1 });
  assertEquals(await collated(input, { views: 1, partial: "keep" }), [
    [[0, 10], [0, 1], 0, 2, []],
    [[20, 30], [2, 3], 0, 4, []],
    [[40], [4], 0, 5, []],
  ]);
});

Deno.test("collate() replaces a bad sample by the next good one, and its batch reports it", async () => {
  const reported: BadImage[] = [];
  const options = { onBad: (image: BadImage) => reported.push(image) };
  assertEquals(await collated(groups(epochsOf(7, 2), { bad: [1, 3] }), { ...options, limit: 7 }), [
    [[0, 20, 1, 21], [0, 2], 0, 3, [1]],
    [[40, 50, 41, 51], [4, 5], 1, 0, [3]],
    [[0, 20, 1, 21], [0, 2], 1, 3, [1]],
    [[40, 50, 41, 51], [4, 5], 2, 0, [3]],
  ]);
  assertEquals(reported, []);
});

Deno.test("collate() does not report bad images dropped at the end of an epoch, before or after resuming", async () => {
  const reported: BadImage[] = [];
  const options = { onBad: (image: BadImage) => reported.push(image) };
  const visits = epochsOf(5, 2);
  const whole = await collated(groups(visits, { bad: [1, 4] }), options);
  assertEquals(whole, [[[0, 20, 1, 21], [0, 2], 0, 3, [1]], [[0, 20, 1, 21], [0, 2], 1, 3, [1]]]);
  assertEquals(await collated(groups(visits.slice(3), { bad: [1, 4] }), options), whole.slice(1));
  assertEquals(reported, []);
});

Deno.test("collate() reports bad images after the last batch with partial: keep", async () => {
  const reported: BadImage[] = [];
  const options = { views: 1, partial: "keep", onBad: (image: BadImage) => reported.push(image) } as const;
  const batches = await collated(groups(epochsOf(5, 1), { views: 1, bad: [1, 3, 4] }), options);
  assertEquals(batches, [[[0, 20], [0, 2], 0, 3, [1]]]);
  assertEquals(reported, [3, 4].map((index) => ({ index, key: `k${index}`, reason: "damaged" })));
});

Deno.test("collate() throws for an epoch without a batch, but not for the rest of a resumed one", async () => {
  const reported: number[] = [];
  const onBad = ({ index }: BadImage) => reported.push(index);
  const damaged = groups(epochsOf(5, 2), { bad: [0, 1, 2, 3] });
  await assertThrows(
    () => collated(damaged, { onBad }),
    UserError,
    /batch of 2: of 5 images 4 are bad, such as "k0": damaged\. .*lower the batch size/,
  );
  assertEquals(reported, [0, 1, 2, 3]);
  const resumed = groups(epochsOf(5, 2).slice(4));
  assertEquals((await collated(resumed)).length, 2);
  const none = groups(epochsOf(2, 1), { bad: [0, 1], views: 1 });
  await assertThrows(
    () => collated(none, { views: 1, limit: 2, partial: "keep" }),
    UserError,
    /batch: of 2 images 2 are bad, such as "k0": damaged\. Replace the bad images\.$/,
  );
});

Deno.test("collate() releases a group with its last image, also a dropped one", async () => {
  const given: number[] = [];
  const [a, b, c] = groups(epochsOf(6, 1)).map((group) => group);
  const joined = [[a, b, c], groups(epochsOf(6, 1)).slice(3)].map((parts, i): PreparedGroup => ({
    samples: parts.flatMap(({ samples }) => samples),
    images: parts.flatMap(({ images }) => images),
    rejections: parts.flatMap(({ rejections }) => rejections),
    release: () => given.push(i),
  }));
  const stage = collate({ batch: 4, limit: 6, partial: "drop", onBad() {} });
  const reader = ReadableStream.from(joined).pipeThrough(stage).getReader();
  const { value } = await reader.read();
  assertEquals(given, []);
  value!.release();
  assertEquals(given, [0]);
  assertEquals((await reader.read()).done, true);
  assertEquals(given, [0, 1]);
});

Deno.test("assembleViews() reuses released arrays", () => {
  const assemble = assembleViews({ batch: 1, views: 1, viewLength: 4 });
  const arrays = groups(epochsOf(9, 1), { views: 4 }).map(({ samples, images }) => {
    const batch = {
      images: images.map((image) => image!),
      samples,
      bad: [],
      places: [],
      next: samples[0].next,
      release() {},
    };
    const { views, release } = assemble(batch);
    release();
    return views.buffer;
  });
  assertEquals(new Set(arrays).size, 1);
});

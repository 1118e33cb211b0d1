/** The features of several ranks together, against those of one process. */
import type { EncodedImage, ImageSource, IndexedSource } from "../../data/sources/types.ts";
import { subsetOf } from "../../data/subset.ts";
import { worldOfOne } from "../../src/distributed/world.ts";
import type { FeatureMaker } from "../../src/eval/features.ts";
import { SharedImages } from "../../src/eval/shared_images.ts";
import { assertEquals } from "../assert.ts";
import { memoryWorlds } from "../distributed/memory_world.ts";

const DIMS = 3, BATCH = 4;

/** `length` images without content. */
function imagesOf(length: number): IndexedSource {
  const image = (index: number): EncodedImage => {
    return { index, key: `${index}`, bytes: new Uint8Array(), label: index % 3 === 2 ? null : index % 3 };
  };
  return {
    ...{ kind: "indexed", name: "images", classes: ["a", "b"], fingerprint: `${length}`, length },
    key: (index) => image(index).key,
    label: (index) => image(index).label,
    read: (index) => Promise.resolve(image(index)),
    async *[Symbol.asyncIterator]() {
      for (let index = 0; index < length; index++) yield image(index);
    },
    close() {},
  };
}

/** Batches of images that are their numbers; those in `bad` cannot be used. Calls `see` with each batch. */
async function* batchesOf(source: ImageSource, bad: number[], see: (indices: number[]) => void = () => {}) {
  const batch = (taken: { index: number; label: number | null }[]) => {
    const indices = taken.map(({ index }) => index);
    see(indices);
    return {
      images: Float32Array.from(indices),
      labels: Int32Array.from(taken, ({ label }) => label ?? -1),
      indices,
      release() {},
    };
  };
  let taken: { index: number; label: number | null }[] = [];
  let place = 0;
  for await (const image of source) {
    const index = source.kind === "indexed" ? source.numberOf?.(place++) ?? image.index : image.index;
    if (bad.includes(index)) continue;
    taken.push({ index, label: image.label });
    if (taken.length < BATCH) continue;
    yield batch(taken);
    taken = [];
  }
  if (taken.length > 0) yield batch(taken);
}

/** Features that tell the image and the column. */
function makerOfNumbers(): FeatureMaker<Float32Array<ArrayBuffer>> {
  const rows: number[] = [];
  return {
    add(images) {
      images.forEach((image) => rows.push(...Array.from({ length: DIMS }, (_, c) => 10 * image + c)));
      return Promise.resolve();
    },
    take: () => Promise.resolve(Float32Array.from(rows.splice(0))),
  };
}

/** What each of `ranks` ranks gets of `source`, and the batches that it made. */
async function collected(source: ImageSource, { ranks, bad = [] }: { ranks: number; bad?: number[] }) {
  const worlds = ranks === 1 ? [worldOfOne] : memoryWorlds(ranks);
  return await Promise.all(worlds.map(async (world) => {
    const shared = new SharedImages(world, { source, batch: BATCH }), seen: number[][] = [];
    const open = (part: ImageSource) => batchesOf(part, bad, (indices) => seen.push(indices));
    const all = await shared.collect({ open, maker: makerOfNumbers() });
    // A second matrix, and what JSON says, in the same order.
    const doubled = Float32Array.from(seen.flat(), (index) => 2 * index);
    const [rows, items] = [await shared.joinRows(doubled, 1), await shared.joinItems(seen.flat())];
    return { all, rows, items, seen };
  }));
}

Deno.test("SharedImages gives rank 0 the features of one process, and the others none", async () => {
  const whole = imagesOf(40);
  // More images than a message has rows are in the last case; fewer windows than ranks in the first.
  const cases = [
    { source: subsetOf(whole, [3, 5, 8, 13, 21]), bad: [] },
    { source: subsetOf(whole, [...Array(39).keys()].filter((i) => i % 7)), bad: [1, 9, 10, 11, 12, 38] },
    { source: whole, bad: [...Array(12).keys()] },
    { source: imagesOf(2500), bad: [1500] },
  ];
  for (const { source, bad } of cases) {
    const [alone] = await collected(source, { ranks: 1, bad });
    assertEquals(alone.all!.dims, DIMS);
    for (const ranks of [2, 3]) {
      const [first, ...others] = await collected(source, { ranks, bad });
      assertEquals(first.all, alone.all);
      assertEquals([...first.rows!], alone.seen.flat().map((index) => 2 * index));
      assertEquals(first.items, alone.seen.flat());
      for (const { all, rows, items } of others) assertEquals([all, rows, items], [null, null, null]);
      const made = [first, ...others].flatMap(({ seen }) => seen);
      assertEquals(made.flat().sort((a, b) => a - b), alone.seen.flat());
      if (bad.length === 0) {
        // Without bad images the batches are those of one process.
        assertEquals(new Set(made.map(String)), new Set(alone.seen.map(String)));
        assertEquals(others[0].seen.length > 0, true);
      }
    }
  }
});

Deno.test("SharedImages leaves a stream to rank 0", async () => {
  const stream = {
    ...imagesOf(9),
    kind: "streamed",
    shards: [],
  } as unknown as ImageSource;
  const [alone] = await collected(stream, { ranks: 1 });
  const [first, second] = await collected(stream, { ranks: 2 });
  assertEquals(first, alone);
  assertEquals(second, { all: null, rows: null, items: null, seen: [] });
});

import { BLOCK } from "../../data/shuffle.ts";
import { readSamples } from "../../data/read.ts";
import type { Shard, ShardImage } from "../../data/sources/types.ts";
import { openSource } from "../../data/sources/open.ts";
import { streamedSource } from "../../data/sources/streamed.ts";
import { subsetOf } from "../../data/subset.ts";
import { UserError } from "../../src/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { memorySource } from "./fixtures.ts";
import { assertResumes, plain, take } from "./streaming.ts";

/** A source of shards of the given lengths. It logs open shards, images read, and where each reading began. */
async function fakeSource(lengths: number[], { known = true, size = 4, slow = 0 } = {}) {
  const opened: [shard: number, from: number, at: number | null][] = [];
  const log = { open: 0, read: 0, opened };
  const large = size > 1e6 ? new Uint8Array(size) : null; // one array for all, to save memory
  const shards = lengths.map((length, s): Shard => ({
    name: `shard ${s}`,
    length: known ? length : null,
    async *open({ from, at = null, signal }) {
      log.open++;
      opened.push([s, from, at]);
      try {
        for (let number = from; number < length; number++) {
          if (slow) await new Promise((resolve) => setTimeout(resolve, (number * 7 + s) % slow));
          signal?.throwIfAborted();
          log.read++;
          const image: ShardImage = {
            number,
            key: `${s}/${number}`,
            label: s,
            bytes: large ?? new Uint8Array(size).fill(number),
            failure: number % 50 === 49 ? "damaged" : null,
            at: number * 10,
          };
          yield image;
        }
      } finally {
        log.open--;
      }
    },
  }));
  const source = await streamedSource({ name: "fake", shards, classes: ["a"], identity: "" });
  return { source, log };
}

Deno.test("readSamples() of a streamed source gives each image once per epoch, and resumes at any sample", async () => {
  for (const known of [true, false]) {
    const { source, log } = await fakeSource([900, 700, 1, 800, 0, 399].filter((n) => n > 0), { known });
    await assertResumes(source, { count: 2800, cuts: [0, 1, 998, 999, 1000, 2500, 2799, 2800, 5599, 6000] });
    assertEquals(log.open, 0, "shards are still open");
  }
  const single = await fakeSource([1]);
  await assertResumes(single.source, { count: 1, cuts: [0, 1] });
});

Deno.test("readSamples() mixes the images of the shards in a block", async () => {
  const { source } = await fakeSource([500, 500, 500, 500]);
  const samples = await take(source, { seed: 1 }, 2000);
  const [a, b] = [samples.slice(0, 1000), samples.slice(1000)];
  const shardsOf = (part: typeof samples) => new Set(part.map(({ label }) => label));
  assertEquals([shardsOf(a).size, shardsOf(b).size], [2, 2]);
  const same = samples.filter(({ offset, index }) => Math.abs(offset - index) < 20).length;
  assert(same < 200, `${same} of 2000 are near their original position`);
  const runs = a.filter(({ label }, i) => i > 0 && label === a[i - 1].label).length;
  assert(runs > 400 && runs < 600, `${runs} of 1000 neighbors are of one shard`);
});

Deno.test("readSamples() resumes without reading shards before the current block", async () => {
  const { source, log } = await fakeSource([600, 600, 600, 600]);
  const samples = await take(source, { seed: 2 }, 1500);
  const { next } = samples.at(-1)!;
  log.opened.length = 0;
  await take(source, { seed: 2, start: next }, 100);
  // The second block of 1000 begins with image 400 of the second shard in the epoch's order.
  assertEquals(log.opened.map(([, from, at]) => [from, at]).slice(0, 2), [[400, 4000], [0, null]]);
});

Deno.test("readSamples() resumes at a position without a block by counting", async () => {
  const { source } = await fakeSource([1300, 900]);
  const all = plain(await take(source, { seed: 3 }, 3000));
  for (const cut of [5, 1200, 2199, 2500]) {
    const { epoch, offset } = all[cut];
    const rest = plain(await take(source, { seed: 3, start: { epoch, offset } }, 20));
    assertEquals(rest, all.slice(cut, cut + 20));
  }
});

Deno.test("readSamples() takes a part of a streamed source, whose images keep their numbers", async () => {
  const { source, log } = await fakeSource([10, 20, 5, 30]);
  const range = (from: number, count: number) =>
    subsetOf(source, Array.from({ length: count }, (_, i) => from + i));
  const part = range(25, 12);
  const once = await take(part, { seed: null });
  assertEquals(once.map(({ index }) => index), Array.from({ length: 12 }, (_, i) => 25 + i));
  assertEquals(once[0].key, "1/15");
  const epoch = await take(part, { seed: 0 }, 12);
  assertEquals(epoch.map(({ index }) => index).sort((a, b) => a - b), once.map(({ index }) => index));
  assertEquals(epoch.at(-1)!.next, { epoch: 1, offset: 0 });
  assert(log.opened.every(([shard]) => shard >= 1), "a shard before the part was read");
  assertEquals((await take(range(60, 5), { seed: null })).length, 5);
  await assertThrows(() => range(60, 6), RangeError, /image 65 of "fake": it has 65/);
  const unknown = (await fakeSource([3], { known: false })).source;
  await assertThrows(() => subsetOf(unknown, [0, 1]), RangeError, /"fake" by number: it is unknown how many/);
});

Deno.test("readSamples() gives unique indices if shard lengths are unknown", async () => {
  const { source } = await fakeSource([2, 2], { known: false });
  const samples = await take(source, { seed: null });
  assertEquals(samples.map(({ index }) => index), [0, 1, 2 ** 32, 2 ** 32 + 1]);
});

Deno.test("readSamples() gives the same order and failures with slow shards", async () => {
  const quick = (await fakeSource([60, 70])).source, slow = (await fakeSource([60, 70], { slow: 3 })).source;
  const samples = plain(await take(quick, { seed: 4 }, 260));
  assertEquals(plain(await take(slow, { seed: 4 }, 260)), samples);
  const failed = samples.filter(({ failure }) => failure !== null);
  assertEquals(failed.length, 4);
  assertEquals(failed[0].failure, "it cannot be read: damaged");
});

Deno.test("readSamples() limits a block by bytes, and fills only one block ahead", async () => {
  const { source, log } = await fakeSource([1000], { size: BLOCK.bytes / 8 });
  const reader = readSamples(source, { seed: 1 }).getReader();
  const { value } = await reader.read();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assertEquals(value!.next.block!.number, 0);
  assert(log.read <= 8 + 8 + 2, `${log.read} images of 32 MB were read ahead`);
  await reader.cancel();
  assertEquals(log.open, 0);
});

Deno.test("readSamples() reads nothing before the first sample is asked for, and closes shards when canceled", async () => {
  const { source, log } = await fakeSource([30, 30], { slow: 2 });
  const stream = readSamples(source, { seed: 1 });
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(log.opened, []);
  await stream.cancel();
  const reader = readSamples(source, { seed: 1 }).getReader();
  const pending = reader.read();
  await reader.cancel();
  await pending;
  assertEquals(log.open, 0);
});

/** A source whose second shard fails. */
async function brokenSource(error: Error, { empty = false } = {}) {
  const { source, log } = await fakeSource([1500, 40]);
  const shards = source.shards.map((shard, s): Shard => ({
    ...shard,
    length: null,
    async *open(options) {
      if (empty) return;
      for await (const image of shard.open(options)) {
        if (s === 1 && image.number === 20) throw error;
        yield image;
      }
    },
  }));
  return { source: await streamedSource({ name: "broken", shards, classes: [], identity: "" }), log };
}

Deno.test("readSamples() throws the error of a damaged shard after the blocks before it", async () => {
  const { source, log } = await brokenSource(new UserError("shard 1 is damaged"));
  for (const seed of [null, 1, 2, 3]) {
    const got: number[] = [];
    await assertThrows(
      async () => {
        for await (const { index } of readSamples(source, { seed })) got.push(index);
      },
      UserError,
      /shard 1 is damaged/,
    );
    assert(
      seed === null ? got.length === 1520 : [0, 1000].includes(got.length),
      `${got.length} images were delivered`,
    );
    assertEquals(log.open, 0);
  }
});

Deno.test("readSamples() throws if a source is empty or shorter than it said", async () => {
  const { source } = await brokenSource(new Error(), { empty: true });
  for (const seed of [null, 1]) {
    await assertThrows(
      () => take(source, { seed }, 1),
      UserError,
      /"broken": no image was found/,
    );
  }
  const { source: fake } = await fakeSource([5, 5]);
  const shards = fake.shards.map((shard) => ({ ...shard, length: 7 }));
  const shorter = await streamedSource({ name: "shorter", shards, classes: [], identity: "" });
  for (const seed of [null, 1]) {
    await assertThrows(
      () => take(shorter, { seed }, 20),
      UserError,
      /"shard \d": it ends after 5 images, but had 7/,
    );
  }
});

Deno.test("readSamples() of an indexed source resumes at any sample, and reports failures", async () => {
  const source = await memorySource(Array.from({ length: 23 }, (_, i) => new Uint8Array([i, i])));
  await assertResumes(source, { count: 23, cuts: [0, 7, 21, 22, 23, 60] });
  const failing = {
    ...source,
    read: (i: number) => i === 3 ? Promise.reject(new Error("gone")) : source.read(i),
  };
  const samples = await take(failing, { seed: 1 }, 23);
  const failed = samples.filter(({ failure }) => failure !== null);
  assertEquals(failed.map(({ key, failure }) => [key, failure]), [["image-3", "it cannot be read: gone"]]);
});

Deno.test("readSamples() gives the same samples with polyfilled streams", async () => {
  const script = `
    delete ReadableStream.from;
    const at = (path) => new URL(path, ${JSON.stringify(import.meta.url)}).href;
    const { ReadableStream: Used } = await import(at("../../data/streams.ts"));
    const { readSamples } = await import(at("../../data/read.ts"));
    const { openSource } = await import(at("../../data/sources/open.ts"));
    const source = await openSource([at("../golden/parquet_struct.parquet").slice("file://".length), "shapes:5"]);
    const stream = readSamples(source, { seed: 1 });
    let count = 0;
    for await (const { index } of stream) {
      console.log(Used !== ReadableStream && stream instanceof Used, index);
      if (++count === 70) break;
    }`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", script],
    stdout: "piped",
    stderr: "inherit",
  });
  const { stdout } = await child.output();
  const golden = new URL("../golden/parquet_struct.parquet", import.meta.url).pathname;
  const samples = await take(await openSource([golden, "shapes:5"]), { seed: 1 }, 70);
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  assertEquals(lines, samples.map(({ index }) => `true ${index}`));
});

/** Helpers for the tests of sources that are read through {@linkcode readSamples}. */
import { concatBytes } from "../../src/base/bytes.ts";
import { type ReadOrder, type ReadSample, readSamples } from "../../data/read.ts";
import type { ImageSource } from "../../data/sources/types.ts";
import { tar, tarEntry } from "./fixtures.ts";
import { assertEquals } from "../assert.ts";
import { hashText, keyedRandom } from "../../src/base/random.ts";

/** The first `count` samples; cancels the stream. */
export async function take(source: ImageSource, order: ReadOrder, count = Infinity): Promise<ReadSample[]> {
  const samples: ReadSample[] = [];
  if (count === 0) return samples;
  for await (const sample of readSamples(source, order)) {
    if (samples.push(sample) === count) break;
  }
  return samples;
}

/** A short text that identifies bytes. */
export function tag(bytes: Uint8Array): string {
  return `${bytes.length} bytes, ${hashText(new TextDecoder("latin1").decode(bytes)).toString(16)}`;
}

/** Samples with a tag in place of their bytes. */
export function plain(samples: ReadSample[]) {
  return samples.map(({ epoch, offset, index, key, label, failure, next, bytes }) => (
    { epoch, offset, index, key, label, failure, next, tag: tag(bytes) }
  ));
}

/** Random bytes of random length, different for each seed. */
export function blob(seed: number, { maxLength = 3000 } = {}): Uint8Array<ArrayBuffer> {
  const random = keyedRandom(seed, 77);
  return Uint8Array.from({ length: 20 + random.integer(maxLength) }, () => random.integer(256));
}

/** An archive of the images `from` … `to` − 1 with labels: image i is `blob(i)` of class i % 3. */
export function archive(from: number, to: number, { labels = true } = {}): Uint8Array<ArrayBuffer> {
  return tar(
    Array.from({ length: to - from }, (_, k) => {
      const i = from + k;
      const image = tarEntry(`d/${i}.jpg`, blob(i)), label = tarEntry(`d/${i}.cls`, String(i % 3));
      const folder = tarEntry("d/", "", { type: "5" });
      return labels ? concatBytes(i % 2 ? [label, image] : [folder, image, label]) : image;
    }),
  );
}

/**
 * Checks that training on `source` visits each image once per epoch, in another order each time, and that a run resumed
 * after any sample gives those that follow it.
 */
export async function assertResumes(
  source: ImageSource,
  { count, cuts, seed = 5 }: { count: number; cuts: number[]; seed?: number },
): Promise<void> {
  const order = { seed };
  const all = plain(await take(source, order, 3 * count));
  const epochs = [0, 1, 2].map((epoch) => all.filter((sample) => sample.epoch === epoch));
  const once = plain(await take(source, { seed: null }));
  const content = (samples: typeof all) =>
    samples.map(({ index, key, label, tag, failure }) => [index, key, label, tag, failure])
      .sort(([a], [b]) => Number(a) - Number(b));
  assertEquals(once.map((sample) => sample.offset), Array.from({ length: count }, (_, i) => i));
  for (const epoch of epochs) {
    assertEquals(content(epoch), content(once), "an epoch does not have each image once");
    assertEquals(epoch.map((sample) => sample.offset), Array.from({ length: count }, (_, i) => i));
  }
  assertEquals(epochs[1].at(-1)!.next, { epoch: 2, offset: 0 });
  const orders = new Set(epochs.map((epoch) => epoch.map((sample) => sample.index).join()));
  assertEquals(orders.size, count > 3 ? 3 : orders.size, "epochs have the same order");
  for (const cut of cuts) {
    const next = JSON.parse(JSON.stringify(all[cut].next));
    const rest = plain(await take(source, { ...order, start: next }, Math.min(40, all.length - cut - 1)));
    assertEquals(rest, all.slice(cut + 1, cut + 1 + rest.length), `resumed after sample ${cut}`);
  }
}

/** What a run tells of its data: one line, data.json, summary.json. */
import { join } from "node:path";
import { counting } from "../../data/count.ts";
import { listedSource } from "../../data/sources/listed.ts";
import { streamedSource } from "../../data/sources/streamed.ts";
import { Survey } from "../../data/sources/survey.ts";
import type { ImageSource, Shard, StreamedSource } from "../../data/sources/types.ts";
import { readSamples } from "../../data/read.ts";
import { pretrain } from "../../src/run/pretrain.ts";
import { assert, assertEquals } from "../assert.ts";
import { openIndexed } from "../data/fixtures.ts";
import { onGpu } from "../gpu/shared.ts";
import { inFolder, tiny } from "./tiny_runs.ts";

const shapes = await openIndexed("shapes:120");
const files = await Promise.all(Array.from({ length: 120 }, async (_, i) => (await shapes.read(i)).bytes));

/** The shapes, class after class: image i is of class i / 12. */
async function ordered(survey?: Survey): Promise<ImageSource> {
  const source = await listedSource({
    name: "ordered",
    items: files.map((_, i) => ({ key: `${i}`, label: Math.floor(i / 12) })),
    classes: shapes.classes,
    identity: "ordered",
    bytes: (_, i) => Promise.resolve(files[10 * (i % 12) + Math.floor(i / 12)]),
  });
  return { ...source, ...survey && { survey } };
}

/** The same as shards of unknown length, without names of classes; every fifth image has no label. */
async function stream(lengths: number[]): Promise<StreamedSource> {
  let begin = 0;
  const shards = lengths.map((length, s): Shard => {
    const first = begin;
    begin += length;
    return {
      name: `shard ${s}`,
      length: null,
      async *open({ from }) {
        for (let number = from; number < length; number++) {
          const i = first + number, label = i % 5 === 0 ? null : i % 10;
          yield { number, key: `${i}`, bytes: files[i], label, failure: null, at: null };
        }
      },
    };
  });
  return await streamedSource({ name: "stream", shards, classes: [], identity: "stream" });
}

const readJson = async (...path: string[]) => JSON.parse(await Deno.readTextFile(join(...path)));

Deno.test(
  "pretrain() holds out all classes of data that lie class after class, and says so",
  onGpu,
  async () => {
    await inFolder(async (out) => {
      const survey = new Survey(), lines: string[] = [];
      survey.leaveOut({ name: "a.heic", kind: ".heic", reason: "not readable" });
      const data = await ordered(survey), options = { ...tiny, limit: undefined, steps: 2 };
      const log = (line: string) => lines.push(line);
      const { summary } = await pretrain({ ...options, data, out, log });
      const line = "120 images in 10 classes from ordered: 100 train, 20 held out (10 classes); " +
        "1 left out: 1 .heic (not readable)";
      assertEquals(lines[0], line);
      assert(summary!.knn!.untrained > 0, "no held-out image is recognized");
      const written = await readJson(out, "data.json");
      assertEquals([written.fingerprint, written.class_count, written.unlabeled], [data.fingerprint, 10, 0]);
      assertEquals(written.classes, shapes.classes.map((name) => ({ name, images: 12 })));
      assertEquals(written.parts, [
        { name: "train", images: 100, unlabeled: 0, classes: 10, new_classes: 0 },
        { name: "held out", images: 20, unlabeled: 0, classes: 10, new_classes: 0 },
      ]);
      assertEquals(written.left_out, {
        count: 1,
        groups: [{ kind: ".heic", reason: "not readable", count: 1 }],
        names: [{ name: "a.heic", kind: ".heic", reason: "not readable" }],
      });
      const { data: kept, read, unused } = await readJson(out, "summary.json");
      assertEquals([kept, read, unused], [written, null, { bad: 0, left_out: 0 }]);
    });
  },
);

Deno.test(
  "pretrain() in source order says that nothing can be recognized, instead of 0 %",
  onGpu,
  async () => {
    await inFolder(async (out) => {
      const lines: string[] = [], log = (line: string) => lines.push(line);
      // The last class alone is held out.
      const options = { ...tiny, limit: undefined, holdout: 12, order: "source", steps: 2 } as const;
      const { summary } = await pretrain({ ...options, data: await ordered(), out, log });
      assertEquals(summary!.knn, null);
      assertEquals(
        lines[0],
        "120 images in 10 classes from ordered: 108 train, 12 held out (1 class, 1 of them without a training image)",
      );
      assert(
        lines.includes("No kNN: no held-out image has a label that a training image has"),
        lines.join("\n"),
      );
      const [last] = (await Deno.readTextFile(join(out, "evaluations.jsonl"))).trim().split("\n");
      assertEquals(JSON.parse(last).knn, null);
    });
  },
);

Deno.test(
  "pretrain() holds out a share of a stream, counts it while it is read, and tells the end",
  onGpu,
  async () => {
    await inFolder(async (out) => {
      const lines: string[] = [], log = (line: string) => lines.push(line);
      const options = { ...tiny, limit: undefined, holdout: .2, steps: 14 };
      const { summary } = await pretrain({ ...options, data: await stream([50, 70]), out, log });
      assertEquals(
        lines[0],
        "Images of unknown number from stream: an unknown number train, an unknown number held out",
      );
      assertEquals(summary!.read, { images: 120, unlabeled: 24, complete: true });
      assert(lines.includes("Read all 120 images of stream, 24 of them without a label"), lines.join("\n"));
      const evaluations = (await Deno.readTextFile(join(out, "evaluations.jsonl"))).trim().split("\n");
      assertEquals(evaluations.length, 1);
      assertEquals((await readJson(out, "data.json")).images, null);
    });
  },
);

Deno.test("counting() counts shards that are read from beginning to end, once", async () => {
  const { source, counts } = counting(await stream([50, 70]));
  const reader = readSamples(source, { seed: null }).getReader();
  for (let i = 0; i < 51; i++) await reader.read();
  assertEquals(counts(), { images: 50, unlabeled: 10, complete: false });
  await reader.cancel();
  for (let i = 0; i < 2; i++) await Array.fromAsync(readSamples(source, { seed: null }));
  assertEquals(counts(), { images: 120, unlabeled: 24, complete: true });
  const part = counting(await stream([50, 70]));
  await Array.fromAsync(part.source.shards[1].open({ from: 1 }));
  assertEquals(part.counts().images, 0, "a shard counts that was read in part");
});

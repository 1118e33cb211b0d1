/** Which images an evaluation learns from and tests on. No GPU is needed. */
import { join } from "node:path";
import { listedSource } from "../../data/sources/listed.ts";
import { openSource } from "../../data/sources/open.ts";
import { Survey } from "../../data/sources/survey.ts";
import type { ImageSource, IndexedSource } from "../../data/sources/types.ts";
import { subsetOf } from "../../data/subset.ts";
import { UserError } from "../../src/base/errors.ts";
import { resolveOptions } from "../../src/config/resolve_options.ts";
import { openEvaluationData } from "../../src/eval/data.ts";
import { partsOf } from "../../src/eval/parts.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { jpeg, withFolder } from "../data/fixtures.ts";

/** A folder of 60 images in 3 classes. */
const photos = Object.fromEntries(
  await Promise.all(
    Array.from({ length: 60 }, async (_, i) => [`photos/${"abc"[i % 3]}/${i}.jpg`, await jpeg()]),
  ),
);

/** The numbers of the images of a part. */
function numbersOf(source: ImageSource): number[] {
  const { length, numberOf = (i) => i } = source as IndexedSource;
  return Array.from({ length }, (_, i) => numberOf(i));
}

const runOf = (data: string, options = {}) => ({
  out: "run",
  fingerprint: null,
  options: resolveOptions({ data, holdout: 12, batch: 8, seed: 3, ...options }),
});

Deno.test("evaluate divides one source: four fifths to learn from, a fifth of each class to test on", async () => {
  await withFolder(photos, async (folder) => {
    const data = join(folder, "photos");
    using opened = await openEvaluationData({ data }, null, { seed: 1 });
    const { train, test, reports } = opened, tested = numbersOf(test.source);
    assertEquals(
      [...numbersOf(train.source), ...tested].sort((a, b) => a - b),
      Array.from({ length: 60 }, (_, i) => i),
    );
    const labels = tested.map((number) => (test.whole as IndexedSource).label(number));
    assertEquals([0, 1, 2].map((k) => labels.filter((label) => label === k).length), [4, 4, 4]);
    assertEquals(reports.map(({ images, parts }) => [images, parts.map(({ images }) => images)]), [[60, [
      48,
      12,
    ]]]);
    using again = await openEvaluationData({ data }, null, { seed: 1 });
    assertEquals(numbersOf(again.test.source), tested);
    using other = await openEvaluationData({ data }, null, { seed: 2 });
    assert(`${numbersOf(other.test.source)}` !== `${tested}`, "seeds divide alike");
  });
});

Deno.test("evaluate takes a run's own parts, also of data that moved, and refuses others", async () => {
  await withFolder(photos, async (folder) => {
    const before = join(folder, "photos"), run = runOf(before), source = await openSource(before);
    const { fingerprint } = source, { train, heldOut } = partsOf(source, run.options);
    const expected = [train, heldOut!].map(numbersOf);
    const numbers = async (given: Parameters<typeof openEvaluationData>[0]) => {
      using opened = await openEvaluationData(given, run, { fingerprint });
      return [opened.train.source, opened.test.source].map(numbersOf);
    };
    assertEquals(await numbers({}), expected);
    await Deno.rename(before, join(folder, "moved"));
    await assertThrows(
      () => numbers({}),
      UserError,
      /"\S+photos": .*These are the images of the run in run\. If they have moved, say where they are now: --data SOURCE\./,
    );
    assertEquals(await numbers({ data: join(folder, "moved") }), expected);
    await Deno.remove(join(folder, "moved", "a", "3.jpg"));
    await assertThrows(
      () => numbers({ data: join(folder, "moved") }),
      UserError,
      /run in run on "\S+moved": these are not the images .* leave out --run: --encoder run\/encoder\.safetensors --data/,
    );
    await assertThrows(
      () => numbers({ data: "shapes:60", train: "shapes:60" }),
      UserError,
      /both --data and --train/,
    );
  });
});

Deno.test("evaluate divides the data of a run in source order if the run did", async () => {
  const run = runOf("shapes:60", { order: "source", limit: 30 });
  using opened = await openEvaluationData({}, run);
  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
  assertEquals([opened.train.source, opened.test.source].map(numbersOf), [range(0, 30), range(30, 42)]);
});

Deno.test("evaluate names the split to test on beside what a run held out", async () => {
  const survey = new Survey(), data = { ...await openSource("shapes:60"), survey };
  survey.split = "train";
  for (const split of ["train", "test"] as const) survey.splits.add(split);
  const run = { ...runOf("elsewhere"), out: "run" };
  using own = await openEvaluationData({ data }, run);
  assertEquals([own.otherSplit, own.reports[0].split], ["test", "train"]);
  await assertThrows(
    () => openEvaluationData({ data, split: "test" }, run),
    UserError,
    /the split "test" of "shapes": it is open\. Give its name instead/,
  );
});

Deno.test("evaluate refuses a source too small to be divided", async () => {
  await assertThrows(
    () => openEvaluationData({ data: "shapes:1" }, null),
    UserError,
    /Cannot divide "shapes" into images to learn from and to test on: it has 1\./,
  );
});

Deno.test("evaluate learns from the training split and tests on the test split, or the one that is asked for", async () => {
  const image = await jpeg(), counts = { train: 24, val: 6, test: 9 };
  const files = Object.entries(counts).flatMap(([split, count]) =>
    Array.from({ length: count }, (_, i) => [`data/${split}/${"abc"[i % 3]}/${i}.jpg`, image] as const)
  );
  await withFolder(Object.fromEntries(files), async (folder) => {
    const data = join(folder, "data"), run = runOf(data, { holdout: 0 });
    const lengths = async (...[given, of]: Parameters<typeof openEvaluationData>) => {
      using opened = await openEvaluationData(given, of);
      return [opened.train.source.length, opened.test.source.length, opened.test.whole.survey?.split];
    };
    assertEquals(await lengths({ data }, null), [24, 9, "test"]);
    assertEquals(await lengths({ data, split: "validation" }, null), [24, 6, "validation"]);
    assertEquals(await lengths({ train: data, test: data }, null), [24, 9, "test"]);
    assertEquals(await lengths({}, run), [24, 9, "test"], "a run that held nothing out");
    assertEquals(await lengths({}, runOf(data)), [12, 12, "train"], "a run that held images out");
    assertEquals(await lengths({ split: "test" }, runOf(data)), [12, 9, "test"]);
    assertEquals(await lengths({}, runOf(data, { split: "validation", holdout: 0, batch: 2 })), [
      6,
      9,
      "test",
    ]);
    await Deno.remove(join(data, "test"), { recursive: true });
    assertEquals(await lengths({ data }, null), [24, 6, "validation"]);
  });
});

Deno.test("evaluate reads no images that are known to have no label, and refuses a part of nothing else", async () => {
  const labels = Array.from({ length: 60 }, (_, i) => i % 3 === 0 ? null : i % 5);
  const data = await listedSource({
    name: "partly",
    items: labels.map((label, i) => ({ key: `${i}`, label })),
    classes: [..."vwxyz"],
    identity: "",
    bytes: () => Promise.resolve(new Uint8Array(1)),
  });
  using opened = await openEvaluationData({ data }, null, { seed: 1 });
  const parts = [opened.train, opened.test].map(({ source }) => numbersOf(source));
  assertEquals(
    parts.flat().sort((a, b) => a - b),
    labels.flatMap((label, i) => label === null ? [] : [i]),
  );
  assertEquals(parts.map(({ length }) => length), [32, 8]);
  const [report, ...others] = opened.reports;
  assertEquals([report.images, report.unlabeled, report.parts.map(({ images }) => images)], [60, 20, [
    32,
    8,
  ]]);
  assertEquals(others, []);
  const unlabeled = subsetOf(data, [0, 3, 6]);
  await assertThrows(
    () => openEvaluationData({ train: data, test: unlabeled }, null),
    UserError,
    /^Cannot evaluate on "partly": none of its 3 images has a label\. Put the images of each class in a folder/,
  );
});

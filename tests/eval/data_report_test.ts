/** One line that tells what was found in the data, and what becomes of it. */
import { dataLine, leftOutOf, reportOn } from "../../src/eval/data_report.ts";
import { divide } from "../../data/divide.ts";
import { streamedSource } from "../../data/sources/streamed.ts";
import { Survey } from "../../data/sources/survey.ts";
import { subsetOf } from "../../data/subset.ts";
import { listedSource } from "../../data/sources/listed.ts";
import { assertEquals } from "../assert.ts";

/** Images of the given labels. */
const labeled = (labels: (number | null)[], classes: string[] = []) =>
  listedSource({
    name: "photos",
    items: labels.map((label, i) => ({ key: `${i}`, label })),
    classes,
    identity: "",
    bytes: () => Promise.resolve(new Uint8Array(1)),
  });

Deno.test("dataLine() tells images, classes, parts, splits, and what is left out", async () => {
  const labels = Array.from({ length: 2000 }, (_, i) => i % 50 === 0 ? null : i % 10 === 9 ? 8 : i % 10);
  const survey = new Survey(), source = { ...await labeled(labels, [..."abcdefghij"]), survey };
  for (let i = 0; i < 1200; i++) {
    survey.leaveOut({ name: `${i}.heic`, kind: ".heic", reason: "not readable" });
  }
  survey.leaveOut({ name: "a.txt", kind: ".txt" });
  for (const split of ["train", "test", "validation"] as const) survey.splits.add(split);
  survey.split = "train";
  const { train, heldOut } = divide(source, { holdout: 200, limit: 1000, seed: 0 });
  const report = reportOn(source, [{ name: "train", part: train }, { name: "held out", part: heldOut! }]);
  assertEquals(
    dataLine(report),
    "2,000 images in 9 classes from photos (split train, not test, validation): 1,000 train, 200 held out (9 classes, " +
      "4 images without a label), 800 not used; 40 of them without a label; 1 class without an image: j; " +
      "1,201 left out: 1,200 .heic (not readable), 1 .txt",
  );
  assertEquals([report.unlabeled, report.classCount, report.classes!.length], [40, 9, 10]);
  assertEquals(report.classes!.map(({ images }) => images).slice(7), [200, 400, 0]);
  assertEquals([report.leftOut.count, report.leftOut.names.length], [1201, 1000]);
  assertEquals(report.leftOut.names[0], { name: "0.heic", kind: ".heic", reason: "not readable" });
  survey.leaveOut({ name: "late", kind: "hard link" });
  assertEquals([leftOutOf(source).count, report.leftOut.count], [1202, 1201]);
});

Deno.test("dataLine() tells of one image, of images without labels, and of classes that training lacks", async () => {
  const line = async (labels: (number | null)[], train: number[], held: number[]) => {
    const source = await labeled(labels);
    const parts = [{ name: "train", part: subsetOf(source, train) }, {
      name: "held out",
      part: subsetOf(source, held),
    }];
    return dataLine(reportOn(source, held.length > 0 ? parts : []));
  };
  assertEquals(await line([null], [], []), "1 image without labels from photos");
  assertEquals(await line([7, 7], [], []), "2 images in 1 class from photos");
  assertEquals(
    await line([3, 20577, 4, 4], [0], [1, 2, 3]),
    "4 images in 3 classes from photos: 1 train, 3 held out (2 classes, 2 of them without a training image)",
  );
});

Deno.test("dataLine() says what is unknown of a stream", async () => {
  const shards = [{ name: "s", length: null, async *open() {} }];
  const source = await streamedSource({ name: "https://far/a.tar", shards, classes: [], identity: "" });
  const { train, heldOut } = divide(source, { holdout: .1, seed: 0 });
  const report = reportOn(source, [{ name: "train", part: train }, { name: "held out", part: heldOut! }]);
  assertEquals(
    dataLine(report),
    "Images of unknown number from https://far/a.tar: an unknown number train, an unknown number held out",
  );
  assertEquals([report.images, report.unlabeled, report.classCount, report.classes], [
    null,
    null,
    null,
    null,
  ]);
});

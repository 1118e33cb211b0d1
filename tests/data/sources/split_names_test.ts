import { assertEquals, assertThrows } from "../../assert.ts";
import { chooseSplit, pathLevels, splitInName } from "../../../data/sources/split_names.ts";
import { Survey } from "../../../data/sources/survey.ts";
import { UserError } from "../../../src/base/errors.ts";

const cases: [string, string | null][] = [
  ["train-00000-of-00002.parquet", "train"],
  ["imagenet_val-0001.tar", "validation"],
  ["val2017", "validation"],
  ["test_set", "test"],
  ["latest-0001.tar", null],
  ["trained", null],
  ["valley.jpg", null],
];
for (const [name, split] of cases) {
  Deno.test(`splitInName() finds ${split ?? "no split"} in ${name}`, () =>
    assertEquals(splitInName(name), split));
}

Deno.test("pathLevels() tells split folders from class folders", () => {
  const of = (...folders: string[]) => pathLevels(folders.map((folder) => `${folder}1.jpg`));
  assertEquals(of("a/train/cat/", "a/train/dog/", "a/val/cat/"), { shared: 1, split: true });
  assertEquals(of("train2017/", "test1/"), { shared: 0, split: true });
  assertEquals(of("train/", "val/", "extra/"), { shared: 0, split: true });
  assertEquals(of("train/", "plane/", "car/"), { shared: 0, split: false }); // vehicles
  assertEquals(of("train/cat/", "train/dog/"), { shared: 1, split: false });
  assertEquals(of("cat/", ""), { shared: 0, split: false });
  assertEquals(of("seg_train/cat/", "seg_test/cat/", "seg_pred/"), { shared: 0, split: true });
  assertEquals(of("bullet train/", "test tube/", "bus/", "cat/", "dog/"), { shared: 0, split: false });
});

const choose = (names: string[], wanted?: "train" | "test") => {
  const survey = new Survey();
  const { items, others } = chooseSplit(names, { name: "x", splitOf: splitInName, wanted, survey });
  return [items, others.map(({ item }) => item), survey.split, [...survey.splits].sort()];
};

Deno.test("chooseSplit() takes the training split, or the one that is asked for", () => {
  assertEquals(choose(["train-0", "test-0", "x"]), [["train-0"], ["test-0", "x"], "train", [
    "test",
    "train",
  ]]);
  assertEquals(choose(["train-0", "test-0"], "test"), [["test-0"], ["train-0"], "test", ["test", "train"]]);
  assertEquals(choose(["a", "b"]), [["a", "b"], [], null, []]);
  assertEquals(choose(["a", "test-0"]), [["a"], ["test-0"], null, ["test"]]);
  assertEquals(choose(["test-0"]), [["test-0"], [], "test", ["test"]]);
  assertThrows(() => choose(["val-0", "test-0"]), UserError, /none for training/);
  assertThrows(
    () => choose(["val-0"], "test"),
    UserError,
    /Cannot read the split "test" of "x": it has validation/,
  );
});

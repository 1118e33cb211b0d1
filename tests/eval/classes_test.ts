/** Classes of an evaluation: united by name, occurring ones only. */
import { expectAnswerable, unanswerable, uniteClasses } from "../../src/eval/classes.ts";
import { confusionOf, MAX_MATRIX, stratifiedSubset } from "../../src/eval/labels.ts";
import { subsetOf } from "../../data/subset.ts";
import { UserError } from "../../src/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { memorySource } from "../data/fixtures.ts";

const part = (name: string, labels: number[], classes: string[] = []) => ({
  name,
  labels: Int32Array.from(labels),
  classes,
});

Deno.test("uniteClasses() maps labels by name, and keeps the classes that occur", () => {
  const { classes, train, test } = uniteClasses(
    part("a", [2, 0, -1, 2], ["dog", "unused", "cat"]),
    part("b", [1, 0, 2, -1], ["elk", "cat", "dog"]),
  );
  assertEquals(classes, ["dog", "cat", "elk"]);
  assertEquals([[...train], [...test]], [[1, 0, -1, 1], [1, 2, 0, -1]]);
});

Deno.test("uniteClasses() takes numbers as names, in numeric order", () => {
  // One source names its classes by numbers, of the other only numbers are known.
  const { classes, train, test } = uniteClasses(
    part("a", [0, 1, 1], ["205", "20577"]),
    part("b", [11, 205, 20577]),
  );
  assertEquals(classes, ["11", "205", "20577"]);
  assertEquals([[...train], [...test]], [[1, 2, 2], [0, 1, 2]]);
});

Deno.test("uniteClasses() refuses fewer than two classes", async () => {
  const refused = (a: number[], b: number[]) => () => uniteClasses(part("a", a), part("b", b));
  await assertThrows(
    refused([-1], [-1]),
    UserError,
    /"a" and "b": labels of at least two .* found no labels\. Put/,
  );
  await assertThrows(refused([7, 7], [-1, 7]), UserError, /found one class, 7\./);
});

Deno.test("unanswerable() counts test images of classes that nothing was learned of, and refuses if all are", async () => {
  const names = { train: "a", test: "b" };
  const united = uniteClasses(part("a", [0, 1, 2, 1]), part("b", [0, 2, 3, 4, 3, -1]));
  assertEquals(
    unanswerable(united, { learned: [0, 1, 2, 3], names }),
    "3 of the 5 test images are of 2 classes that no image to learn from has: 3, 4. They count as wrong.",
  );
  // A subset of the labels may lack a class that the training part has.
  assertEquals(
    unanswerable(united, { learned: [0, 1], names }),
    "4 of the 5 test images are of 3 classes that no image to learn from has: 2, 3, 4. They count as wrong.",
  );
  const alike = uniteClasses(part("a", [0, 1]), part("b", [1, 1, -1]));
  assertEquals(unanswerable(alike, { learned: [0, 1], names }), null);
  await assertThrows(
    () => unanswerable(united, { learned: [1], names }),
    UserError,
    /on "b": its classes must be those of "a", expected 1, found 0, 2, 3, …\. Label both alike/,
  );
});

Deno.test("expectAnswerable() refuses parts before their images are read, as far as labels are known", async () => {
  const source = await memorySource(Array(9).fill(new Uint8Array(1))); // labels are index % 3
  const of = (...numbers: number[]) => subsetOf(source, numbers);
  expectAnswerable(of(0, 1), of(1, 2));
  await assertThrows(() => expectAnswerable(of(0, 1), of(2, 5)), UserError, /expected a, b, found c\./);
  await assertThrows(
    () => expectAnswerable(of(0, 3), of(0, 1)),
    UserError,
    /only one class, a\. Name data with at/,
  );
});

Deno.test("stratifiedSubset() takes equally many of the classes that occur, whatever their numbers", () => {
  const labels = Int32Array.from({ length: 90 }, (_, i) => [11, 205, 20577][i % 3]);
  const rows = Uint32Array.from(labels.keys());
  const chosen = stratifiedSubset(rows, { labels, share: .2, seed: 1 });
  assertEquals([0, 1, 2].map((k) => chosen.filter((row) => row % 3 === k).length), [6, 6, 6]);
});

Deno.test("confusionOf() gives a matrix of up to 100 classes, and the most frequent confusions of more", () => {
  const few = ["a", "b", "c"],
    labels = Int32Array.of(0, 0, 1, -1, 1),
    predictions = Int32Array.of(0, 1, 1, -1, 0);
  assertEquals(confusionOf(predictions, { labels, classes: few }), {
    perClass: [.5, .5, null],
    confusion: [[1, 1, 0], [1, 1, 0], [0, 0, 0]],
    topConfusions: null,
  });
  // 20,000 classes: 0 … 119 are confused with the next one, as often as their number modulo 40 says.
  const many = Array.from({ length: 20_000 }, (_, k) => `class ${k}`),
    pairs: [number, number][] = [[19_999, 19_999]];
  for (let k = 0; k < 120; k++) for (let i = 0; i < k % 40; i++) pairs.push([k, k + 1]);
  const { perClass, confusion, topConfusions } = confusionOf(Int32Array.from(pairs, ([, p]) => p), {
    labels: Int32Array.from(pairs, ([l]) => l),
    classes: many,
  });
  assertEquals([confusion, perClass.length, perClass[0], perClass[1], perClass[19_999]], [
    null,
    20_000,
    null,
    0,
    1,
  ]);
  assertEquals(topConfusions!.length, 100);
  assertEquals(topConfusions!.slice(0, 4), [
    { actual: "class 39", predicted: "class 40", count: 39 },
    { actual: "class 79", predicted: "class 80", count: 39 },
    { actual: "class 119", predicted: "class 120", count: 39 },
    { actual: "class 38", predicted: "class 39", count: 38 },
  ]);
  const edge = Array.from({ length: MAX_MATRIX + 1 }, (_, k) => `${k}`);
  const of = (classes: string[]) =>
    confusionOf(Int32Array.of(0), { labels: Int32Array.of(1), classes }).confusion;
  assert(of(edge) === null && of(edge.slice(1))!.length === MAX_MATRIX, "the limit of the matrix is another");
});

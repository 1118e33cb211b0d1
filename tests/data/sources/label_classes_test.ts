import { assertEquals, assertThrows } from "../../assert.ts";
import { classify, labelText } from "../../../data/sources/labels.ts";
import { UserError } from "../../../src/base/errors.ts";

const texts: [unknown, string | null][] = [
  [null, null],
  ["", null],
  [" null ", null],
  ["-1", null],
  [-1n, null],
  [-1.0, null],
  [NaN, null],
  ["007", "7"],
  [7.0, "7"],
  ["7.0", "7"],
  [0n, "0"],
  [true, "true"],
  ["cat", "cat"],
  [1.5, "1.5"],
  [12345678901234567890n, "12345678901234567890"],
];
for (const [value, text] of texts) {
  Deno.test(`labelText() of ${typeof value} ${JSON.stringify(String(value))}`, () =>
    assertEquals(labelText(value), text));
}

Deno.test("classify() makes classes of the labels that occur", () => {
  const of = (texts: (string | null)[], names?: string[]) => {
    const { classes, labels } = classify(texts, { name: "x", names, keyOf: (i) => `image ${i}` });
    return [classes, [...labels]];
  };
  assertEquals(of(["999", "11", null, "205", "11"]), [["11", "205", "999"], [2, 0, -1, 1, 0]]);
  assertEquals(of(["dog", "cat"]), [["cat", "dog"], [1, 0]]);
  assertEquals(of(["2", "0"], ["a", "b", "c"]), [["a", "c"], [1, 0]]);
  assertEquals(of(["c", "0"], ["a", "b", "c"]), [["a", "c"], [1, 0]]);
  assertEquals(of(["dog", "7"]), [["7", "dog"], [1, 0]]);
  assertEquals(of([null, null]), [[], [-1, -1]]);
  assertThrows(
    () => of(["0", "3"], ["a", "b", "c"]),
    UserError,
    /"image 1" has the label "3", which is none of the 3/,
  );
});

import { UserError } from "../../src/base/errors.ts";
import { expectTensors } from "../../src/io/expect_tensors.ts";
import { assertThrows } from "../assert.ts";

const expected = new Map([["a", [2, 3]], ["b", [4]], ["c", []]]);
const advice = "Give others.";
const shapes = (...entries: [string, number[]][]) =>
  new Map(entries.map(([name, shape]) => [name, { shape }]));

Deno.test("expectTensors() accepts the expected tensors in any order", () => {
  expectTensors("x", { found: shapes(["c", []], ["b", [4]], ["a", [2, 3]]), expected, advise: () => advice });
});

Deno.test("expectTensors() names what differs and says what to do", async () => {
  const found = shapes(
    ["a", [3, 2]],
    ["c", [1]],
    ...["p", "q", "r", "s", "t", "u", "v"].map((n): [string, number[]] => [n, []]),
  );
  await assertThrows(
    () => expectTensors("step.safetensors", { found, expected, advise: () => advice }),
    UserError,
    /^Cannot load "step\.safetensors": of this model's 3 tensors 2 of another shape \(a is \[3, 2\] instead of \[2, 3\], c is \[1\] instead of \[\]\), 1 missing \(b\), 7 unexpected \(p, q, r, s, t, …\)\. Give others\.$/,
  );
});

import { alignColumns, percent } from "../../src/base/format.ts";
import { assertEquals } from "../assert.ts";

Deno.test("percent() rounds to one digit, and replaces a missing fraction", () => {
  assertEquals([percent(0.12345), percent(1), percent(0)], ["12.3 %", "100.0 %", "0.0 %"]);
  assertEquals([percent(null), percent(undefined, "–")], ["", "–"]);
});

Deno.test("alignColumns() aligns the first column left and the others right, without trailing spaces", () => {
  assertEquals(alignColumns([["", "ms", "rate"], ["conv", "1.5", "20"], ["sum", "12", ""]]), [
    "       ms  rate",
    "conv  1.5    20",
    "sum    12",
  ]);
});

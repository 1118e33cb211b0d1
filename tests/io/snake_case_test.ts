import { toCamelCase, toSnakeCase } from "../../src/io/snake_case.ts";
import { assertEquals } from "../assert.ts";

const camel = { zStd: 0.1, rankmeProjections: [{ k: null }], knn: { rawPixels: 0.5, "20": 1 }, text: "a_bC" };
const snake = {
  z_std: 0.1,
  rankme_projections: [{ k: null }],
  knn: { raw_pixels: 0.5, "20": 1 },
  text: "a_bC",
};

Deno.test("toSnakeCase() renames keys at every depth and leaves values", () => {
  assertEquals(JSON.stringify(toSnakeCase(camel)), JSON.stringify(snake), "in the order they have");
});

Deno.test("toCamelCase() reverses toSnakeCase()", () => {
  assertEquals(toCamelCase(snake), camel);
  assertEquals(toCamelCase(JSON.parse('["a_b", 1, null, true]')), ["a_b", 1, null, true]);
});

import {
  type Backbone,
  backboneConfigOf,
  backboneText,
  parseBackbone,
  parseBackboneText,
} from "../../src/config/backbone.ts";
import { UserError } from "../../src/base/errors.ts";
import { assertEquals, assertThrows } from "../assert.ts";

const wide = { block: "bottleneck", layers: [1, 1], widths: [8, 16], widthPerGroup: 96 } as const;
const convnext = { block: "convnext", layers: [1, 2], widths: [8, 12] } as const;
const own = { block: "basic", layers: [1, 2], widths: [8, 12] } as const;

Deno.test("parseBackboneText() reverses backboneText() for names and objects", () => {
  for (const backbone of ["resnet50", "convnext_tiny", own, wide, convnext] satisfies Backbone[]) {
    assertEquals(parseBackboneText(backboneText(backbone)), backbone);
  }
  assertEquals([parseBackboneText("resnet19"), parseBackboneText("{"), parseBackboneText("[]")], [
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("backboneConfigOf() looks up names and returns objects", () => {
  assertEquals(backboneConfigOf("resnet8"), { block: "basic", layers: [1, 1, 1], widths: [16, 32, 64] });
  assertEquals(backboneConfigOf(own), own);
});

const refused: [what: string, value: unknown, message: RegExp][] = [
  ["an unknown name", "resnet19", /"resnet19": it must be one of resnet8, .*or an object/],
  ["a list", [], /or an object/],
  ["null", null, /or an object/],
  ["an unknown field", { ...own, depth: 3 }, /not depth/],
  ["an unknown block", { ...own, block: "dense" }, /block must be "basic", "bottleneck" or "convnext"/],
  ["no layers", { ...own, layers: [] }, /layers must list the blocks of 1 to 8 stages/],
  ["a stage without blocks", { ...own, layers: [1, 0] }, /each at least 1/],
  ["a fraction of a block", { ...own, layers: [1, 1.5] }, /each at least 1/],
  ["fewer widths than stages", { ...own, widths: [8] }, /widths must list .* each of the 2 stages/],
  ["a width that is no multiple of 4", { ...own, widths: [8, 10] }, /a multiple of 4/],
  ["a width per group of basic blocks", { ...own, widthPerGroup: 128 }, /widthPerGroup is for bottlenecks/],
  [
    "a width per group of ConvNeXt blocks",
    { ...convnext, widthPerGroup: 64 },
    /widthPerGroup is for bottlenecks/,
  ],
  ["inner widths that are no multiples of 4", { ...wide, widthPerGroup: 65 }, /must be a multiple of 4/],
  ["a width of 0", { ...own, widths: [8, 0] }, /a multiple of 4/],
];
for (const [what, value, message] of refused) {
  Deno.test(`parseBackbone() refuses ${what}`, () =>
    assertThrows(() => parseBackbone(value), UserError, message));
}

/** The pictures of an evaluation: what they show, and that no two texts overlap. */
import { classColors } from "../../src/plots/colors.ts";
import { confusionPlot } from "../../src/plots/confusion_plot.ts";
import { scatterPlot } from "../../src/plots/scatter_plot.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { textBoxes } from "./text_boxes.ts";

/** Asserts that all texts lie within the picture, and apart. */
function assertLegible(svg: string): void {
  const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(svg)!.map(Number), boxes = textBoxes(svg);
  assertEquals(boxes.length, svg.match(/<text /g)?.length);
  for (const [i, a] of boxes.entries()) {
    assert(
      a.left >= 0 && a.top >= 0 && a.right <= width && a.bottom <= height,
      `"${a.text}" is cut off: ${JSON.stringify(a)} in ${width} × ${height}`,
    );
    for (const b of boxes.slice(i + 1)) {
      const apart = a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
      assert(apart, `"${a.text}" and "${b.text}" overlap: ${JSON.stringify([a, b])}`);
    }
  }
}

const named = (n: number) =>
  Array.from({ length: n }, (_, k) => `class ${k} <of a rather long name>`.slice(0, 8 + k % 20));

Deno.test("textBoxes() follows translations, anchors, turns and nested pictures", () => {
  const svg = `<svg width="9" height="9"><g transform="translate(10,20)" font-size="10" text-anchor="end">
    <text transform="translate(1,2)" y="0.32em">ab</text></g>
    <svg x="100" y="200" style="font-size:20px" text-anchor="middle"><text transform="rotate(-90)" y="0.32em">a</text></svg>
  </svg>`;
  const [a, b] = textBoxes(svg);
  assertEquals([a.text, a.right, a.top, a.bottom], ["ab", 11, 18, 26]);
  assertEquals(a.left, 11 - 0.58 * 10 * 2);
  assertEquals([b.left, b.right], [92, 108]);
  assertEquals([b.top, b.bottom].map((y) => Math.round(100 * y)), [19420, 20580]);
});

Deno.test("confusionPlot() is legible with 2 to 100 classes", () => {
  for (const n of [2, 10, 12, 13, 30, 31, 100]) {
    const counts = Array.from(
      { length: n },
      (_, i) => Array.from({ length: n }, (_, j) => i === j ? 30 : (i + 2 * j) % 3),
    );
    const title = "Trained encoder, a linear classifier: 1000 test images";
    assertLegible(confusionPlot(counts, { classes: named(n), title }));
  }
});

Deno.test("confusionPlot() shows the fractions of each row in percent, at its classes' names", () => {
  const svg = confusionPlot([[3, 1], [0, 0]], { classes: ["a & b", "c"], title: "t" });
  const boxes = textBoxes(svg), texts = boxes.map(({ text }) => text);
  for (const text of ["75", "25", "predicted class", "class", "a & b", "% of the class"]) {
    assert(texts.includes(text), `${text} is not among ${texts}`);
  }
  assertEquals(texts.filter((text) => text === "a & b").length, 2);
  assert(svg.includes("a &amp; b") && !svg.includes("NaN"), "a class without samples is NaN");
  // Rows are the classes, columns the predictions: 25 % of "a & b" lie right of 75 %, beside its name.
  const [many, few, name] = ["75", "25", "a & b"].map((wanted) =>
    boxes.filter(({ text }) => text === wanted).sort((a, b) => a.left - b.left)[0]
  );
  const middle = ({ top, bottom }: typeof name) => Math.round((top + bottom) / 2);
  assert(name.right < many.left && many.right < few.left, "columns");
  assertEquals([middle(many), middle(few)], [middle(name), middle(name)]);
  // One field for each pair of classes, of which two are white: those of the class without samples.
  const fills = [...svg.split('aria-label="cell"')[1].split("</g>")[0].matchAll(/fill="([^"]+)"/g)];
  assertEquals(fills.map(([, fill]) => fill), [
    "rgb(52, 77, 108)",
    "rgb(202, 189, 108)",
    "rgb(255, 255, 255)",
    "rgb(255, 255, 255)",
  ]);
});

Deno.test("confusionPlot() refuses too many classes and matrices that are not square", async () => {
  const draw = (rows: number, columns: number, n: number) => () =>
    confusionPlot(Array.from({ length: rows }, () => Array(columns).fill(1)), {
      classes: named(n),
      title: "",
    });
  await assertThrows(draw(101, 101, 101), RangeError, /1 to 100 classes/);
  await assertThrows(draw(3, 2, 3), RangeError, /square/);
  await assertThrows(draw(2, 2, 3), RangeError, /for 3 classes/);
});

/** The symbols of the points of a scatter plot, a group per class, without those of the legend. */
function pointGroups(svg: string): { marks: string[]; fill: string }[] {
  return [...svg.matchAll(/<g ([^>]*aria-label="(?!legend)[^"]*"[^>]*)>((?:<(?:circle|path)[^>]*>)+)<\/g>/g)]
    .filter(([, attributes]) => attributes.includes("fill-opacity"))
    .map(([, attributes, marks]) => ({
      marks: marks.match(/<(circle|path)[^>]*>/g)!,
      fill: /\bfill="([^"]+)"/.exec(attributes)![1],
    }));
}

Deno.test("scatterPlot() is legible with 1 to 100 classes", () => {
  for (const n of [1, 7, 8, 40, 100]) {
    const labels = Array.from({ length: 2 * n }, (_, i) => i % n);
    const points = labels.flatMap((k, i) => [Math.sin(i) * 1e3, k * 0.01]);
    const svg = scatterPlot({
      title: "UMAP of features",
      axes: ["x (no unit)", "y (no unit)"],
      points,
      labels,
      classes: named(n),
    });
    assertLegible(svg);
    const groups = pointGroups(svg);
    assertEquals([groups.length, groups.flatMap(({ marks }) => marks).length], [n, 2 * n]);
    // Up to 49 classes no two look alike.
    const looks = groups.map(({ marks, fill }) =>
      `${fill} ${marks[0].replace(/transform="[^"]*"|c[xy]="[^"]*"/g, "")}`
    );
    assertEquals(new Set(looks).size, Math.min(n, 49));
  }
});

Deno.test("scatterPlot() puts points where their coordinates say, without those that are not finite", () => {
  const svg = scatterPlot({
    title: "t",
    axes: ["right", "up"],
    points: [0, 0, 10, 0, 0, 10, NaN, 3],
    labels: [0, 1, -1, 0],
    classes: ["<a>", "b"],
  });
  const groups = pointGroups(svg), marks = groups.flatMap(({ marks }) => marks);
  assertEquals(marks.length, 3);
  const [unlabeled, a, b] = marks.map((mark) =>
    ["cx", "cy"].map((name) => Number(new RegExp(`${name}="([\\d.]+)"`).exec(mark)![1]))
  ); // groups come in the order of their labels
  assert(b[0] > a[0] && b[1] === a[1], "x must grow to the right");
  assert(unlabeled[1] < a[1] && unlabeled[0] === a[0], "y must grow upward");
  const texts = textBoxes(svg).map(({ text }) => text);
  for (const text of ["right", "up", "<a>", "b", "no label", "0", "10"]) {
    assert(texts.includes(text), `${text} is missing among ${texts}`);
  }
  assertEquals(groups.map(({ fill }) => fill), ["#999999", classColors[0], classColors[1]]);
  assert(svg.includes("&lt;a&gt;") && !svg.includes("NaN"));
});

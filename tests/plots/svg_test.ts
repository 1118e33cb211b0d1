/** The pictures of an evaluation: what they say, and that no two texts lie upon each other. */
import { confusionSvg } from "../../src/plots/confusion_svg.ts";
import { PALETTE, scatterSvg } from "../../src/plots/scatter_svg.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

/** A box around each text, from what the letters take in DejaVu Sans on the average. */
function boxesOf(svg: string): { text: string; left: number; right: number; top: number; bottom: number }[] {
  const pattern =
    /<text (?:transform="translate\(([\d.-]+) ([\d.-]+)\) rotate\(-90\)"|x="([\d.-]+)" y="([\d.-]+)") font-size="([\d.]+)" text-anchor="(\w+)"[^>]*>([^<]*)</g;
  return [...svg.matchAll(pattern)].map(([, tx, ty, px, py, fontSize, anchor, text]) => {
    const size = Number(fontSize), long = 0.58 * size * text.length, turned = tx !== undefined;
    const [x, y] = turned ? [Number(tx), Number(ty)] : [Number(px), Number(py)];
    const begin = anchor === "start" ? 0 : anchor === "end" ? -long : -long / 2;
    return turned
      ? { text, left: x - size * 0.4, right: x + size * 0.4, top: y - begin - long, bottom: y - begin }
      : { text, left: x + begin, right: x + begin + long, top: y - size * 0.4, bottom: y + size * 0.4 };
  });
}

/** That all texts lie within the picture, and apart. */
function assertLegible(svg: string): void {
  const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(svg)!.map(Number), boxes = boxesOf(svg);
  assertEquals(boxes.length, svg.match(/<text /g)?.length, "some text was not understood");
  for (const [i, a] of boxes.entries()) {
    assert(a.left >= 0 && a.top >= 0 && a.right <= width && a.bottom <= height, `${a.text} is cut off`);
    for (const b of boxes.slice(i + 1)) {
      const apart = a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
      assert(apart, `"${a.text}" and "${b.text}" lie upon each other`);
    }
  }
}

const named = (n: number) =>
  Array.from({ length: n }, (_, k) => `class ${k} <of a rather long name>`.slice(0, 8 + k % 20));

Deno.test("confusionSvg: shares of each row with names, legible with 2 to 100 classes", () => {
  for (const n of [2, 10, 12, 13, 30, 31, 100]) {
    const counts = Array.from(
      { length: n },
      (_, i) => Array.from({ length: n }, (_, j) => i === j ? 30 : (i + 2 * j) % 3),
    );
    assertLegible(
      confusionSvg(counts, {
        classes: named(n),
        title: "Trained encoder, a linear classifier: 1000 test images",
      }),
    );
  }
  const svg = confusionSvg([[3, 1], [0, 0]], { classes: ["a & b", "c"], title: "t" });
  const texts = boxesOf(svg).map(({ text }) => text);
  for (const text of ["75", "25", "taken for", "class", "a &amp; b", "% of the class"]) {
    assert(texts.includes(text), `${text} is not among ${texts}`);
  }
  assertEquals(texts.filter((text) => text === "a &amp; b").length, 2);
  assert(!texts.includes("NaN") && !svg.includes("NaN"), "a class without samples is not a number");
});

Deno.test("confusionSvg: more classes than can be read, and what is not square, are refused", async () => {
  const draw = (rows: number, columns: number, n: number) => () =>
    confusionSvg(Array.from({ length: rows }, () => Array(columns).fill(1)), {
      classes: named(n),
      title: "",
    });
  await assertThrows(draw(101, 101, 101), RangeError, /1 to 100 classes/);
  await assertThrows(draw(3, 2, 3), RangeError, /square/);
  await assertThrows(draw(2, 2, 3), RangeError, /for 3 classes/);
});

Deno.test("scatterSvg: marks in their places by class, axes and legend legible with 1 to 100 classes", () => {
  for (const n of [1, 7, 8, 40, 100]) {
    const labels = Array.from({ length: 2 * n }, (_, i) => i % n);
    const points = labels.flatMap((k, i) => [Math.sin(i) * 1e3, k * 0.01]);
    const svg = scatterSvg({
      title: "UMAP of features",
      axes: ["x (no unit)", "y (no unit)"],
      points,
      labels,
      classes: named(n),
    });
    assertLegible(svg);
    assertEquals(svg.match(/<use /g)?.length, 2 * n);
  }
  const svg = scatterSvg({
    title: "t",
    axes: ["right", "up"],
    points: [0, 0, 10, 0, 0, 10, NaN, 3],
    labels: [0, 1, -1, 0],
    classes: ["<a>", "b"],
  });
  const marks = [...svg.matchAll(/<use href="#m0" x="([\d.]+)" y="([\d.]+)"/g)].map((
    [, x, y],
  ) => [Number(x), Number(y)]);
  assertEquals(marks.length, 3, "a place that is not a number has a mark");
  const [without, a, b] = marks; // groups come in the order of their labels
  assert(b[0] > a[0] && b[1] === a[1], "x does not grow to the right");
  assert(without[1] < a[1] && without[0] === a[0], "y does not grow upwards");
  for (const text of ["right", "up", "&lt;a&gt;", "b", "no label", "0", "10"]) {
    assert(svg.includes(`>${text}</text>`), `${text} is missing`);
  }
  assert(svg.includes(PALETTE[0]) && svg.includes(PALETTE[1]) && !svg.includes("NaN"));
});

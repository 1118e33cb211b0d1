/**
 * A confusion matrix as SVG.
 *
 * @module
 */
import * as Plot from "npm:@observablehq/plot@0.6.17";
import { DARK_FRACTION, fractionColors, MUTED } from "./colors.ts";
import { renderPicture, shortened, textWidth } from "./render.ts";

/** With more classes the names could not be read. */
export const MAX_CLASSES = 100;
/** Characters of a name that are shown. */
const NAME = 18;

const color = { type: "linear", domain: [0, .25, .5, .75, 1], range: [...fractionColors] } as const;

/** A field of the matrix. */
interface Cell {
  row: number;
  column: number;
  /** Fraction of the row. */
  fraction: number;
}

/**
 * Draws a confusion matrix: a row per class, a column per predicted class, the fractions of each row as colors, and in
 * percent as numbers where there is room.
 *
 * @param counts How many samples of the class of the row were predicted as that of the column.
 * @throws {RangeError} if there are more than {@linkcode MAX_CLASSES} classes, or the counts have another shape.
 */
export function confusionPlot(
  counts: readonly (readonly number[])[],
  { classes, title }: { classes: readonly string[]; title: string },
): string {
  expectSquare(counts, classes.length);
  const n = classes.length, cell = n <= 12 ? 44 : n <= 30 ? 26 : 13, fontSize = n <= 30 ? 12 : 10;
  const names = classes.map((name) => shortened(name, NAME));
  const room = Math.ceil(Math.max(...names.map((name) => textWidth(name, fontSize))) + 10);
  const left = room + 34, top = room + 70, side = n * cell;
  const bar = { x: left + side + 12, height: Math.min(Math.max(side, 200), 300) };
  const width = Math.ceil(Math.max(bar.x + BAR.width + BAR.left + BAR.right, textWidth(title, 14) + 40));
  const height = top + Math.max(side, 200) + 24;
  const scale = { domain: names.map((_, k) => k), padding: 0 };
  const axis = { tickFormat: (k: number) => names[k], tickSize: 0, tickPadding: 6, label: null, fontSize };
  const matrix: Plot.PlotOptions = {
    width: left + side,
    height: top + side,
    ...{ marginLeft: left, marginTop: top, marginRight: 0, marginBottom: 0 },
    style: { fontSize: `${fontSize}px`, overflow: "visible" },
    x: scale,
    y: scale,
    color,
    marks: [
      Plot.axisX({ ...axis, anchor: "top", tickRotate: -90 }),
      Plot.axisY({ ...axis, anchor: "left" }),
      ...cellMarks(counts, { numbers: cell >= 26 ? (cell >= 40 ? 13 : 10) : null }),
      Plot.text([title], { frameAnchor: "top-left", dx: 20 - left, dy: 14 - top, fontSize: 14 }),
      Plot.text(["predicted class"], { frameAnchor: "top", dy: 42 - top, fontSize: 13 }),
      Plot.text(["class"], {
        frameAnchor: "left",
        dx: 16 - left,
        rotate: -90,
        textAnchor: "middle",
        fontSize: 13,
      }),
    ],
  };
  const plots = [{ x: 0, y: 0, options: matrix }, {
    x: bar.x,
    y: top - BAR.top,
    options: colorBar(bar.height),
  }];
  return renderPicture(plots, { width, height, title });
}

function expectSquare(counts: readonly (readonly number[])[], n: number): void {
  if (n >= 1 && n <= MAX_CLASSES && counts.length === n && counts.every((row) => row.length === n)) return;
  throw new RangeError(
    `Cannot draw a confusion matrix of ${counts.length} rows of ${
      counts[0]?.length
    } for ${n} classes: it must be ` +
      `square with 1 to ${MAX_CLASSES} classes.`,
  );
}

/** The colored fields, with `numbers` in a font of so many pixels, or none. */
function cellMarks(
  counts: readonly (readonly number[])[],
  { numbers }: { numbers: number | null },
): Plot.Markish[] {
  const cells = counts.flatMap((row, i) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    return row.map((count, j): Cell => ({ row: i, column: j, fraction: total ? count / total : 0 }));
  });
  const at = { x: "column", y: "row" };
  const numbered = cells.filter(({ fraction }) => Math.round(100 * fraction) > 0);
  return [
    Plot.cell(cells, { ...at, fill: "fraction", stroke: "#dddddd", strokeWidth: 0.5 }),
    ...numbers === null ? [] : [Plot.text(numbered, {
      ...at,
      text: ({ fraction }: Cell) => `${Math.round(100 * fraction)}`,
      fill: ({ fraction }: Cell) => fraction > DARK_FRACTION ? "#ffffff" : "#222222",
      fontSize: numbers,
    })],
  ];
}

/** Width and margins of the color bar in pixels, and its steps. */
const BAR = { width: 16, left: 16, right: 60, top: 10, steps: 50 };

/** The scale of colors. */
function colorBar(height: number): Plot.PlotOptions {
  const { width, left, right, top, steps } = BAR;
  const parts = Array.from(
    { length: steps },
    (_, i) => ({ low: 100 * i / steps, high: 100 * (i + 1) / steps }),
  );
  return {
    width: left + width + right,
    height: height + 2 * top,
    ...{ marginLeft: left, marginRight: right, marginTop: top, marginBottom: top },
    style: { fontSize: "11px" },
    x: { axis: null, domain: [0, 1] },
    y: {
      ...{ domain: [0, 100], ticks: [0, 25, 50, 75, 100], axis: "right", tickSize: 0 },
      ...{ label: "% of the class", labelAnchor: "center", labelArrow: "none", labelOffset: 44 },
    },
    color,
    marks: [
      Plot.rect(parts, {
        ...{ x1: 0, x2: 1, y1: "low", y2: "high" },
        fill: ({ low, high }: { low: number; high: number }) => (low + high) / 200,
      }),
      Plot.frame({ stroke: MUTED }),
    ],
  };
}

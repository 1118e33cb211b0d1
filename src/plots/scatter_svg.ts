/**
 * Points on a plane, coloured by class, as SVG.
 *
 * @module
 */
import { escaped, label, round, shortened, svg, textWidth } from "./svg.ts";

/** Okabe and Ito's colours, which people tell apart whatever their sight of colours; yellow, too faint on white, is left out. */
export const PALETTE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000"];

/** Marks around the origin, of about the same area; classes beyond the number of colours differ by them. */
const MARKS: ((r: number) => string)[] = [
  (r) => `<circle r="${round(r)}"/>`,
  (r) =>
    `<path d="M0 ${round(-1.3 * r)}L${round(1.2 * r)} ${round(0.9 * r)}L${round(-1.2 * r)} ${
      round(0.9 * r)
    }Z"/>`,
  (r) =>
    `<rect x="${round(-0.9 * r)}" y="${round(-0.9 * r)}" width="${round(1.8 * r)}" height="${
      round(1.8 * r)
    }"/>`,
  (r) => `<path d="M0 ${round(-1.4 * r)}L${round(r)} 0L0 ${round(1.4 * r)}L${round(-r)} 0Z"/>`,
  (r) => {
    const a = round(1.3 * r), b = round(0.4 * r);
    return `<path d="M${-b} ${-a}H${b}V${-b}H${a}V${b}H${b}V${a}H${-b}V${b}H${-a}V${-b}H${-b}Z"/>`;
  },
  (r) =>
    `<path d="M0 ${round(1.3 * r)}L${round(1.2 * r)} ${round(-0.9 * r)}L${round(-1.2 * r)} ${
      round(-0.9 * r)
    }Z"/>`,
];

/** A picture of points. */
export interface Scatter {
  title: string;
  /** What the axes are, with their units. */
  axes: readonly [x: string, y: string];
  /** [n, 2] */
  points: ArrayLike<number>;
  /** The class of each point, −1 for none. */
  labels: ArrayLike<number>;
  /** The names of the classes. */
  classes: readonly string[];
}

/** Sides of the plane, entries in a column of the legend, characters of a name. */
const SIDE = 560, COLUMN = 30, NAME = 20;

/** The points with axes, and a legend of the classes that come up. */
export function scatterSvg({ title, axes, points, labels, classes }: Scatter): string {
  const n = labels.length, at = (axis: number) => Array.from({ length: n }, (_, i) => points[2 * i + axis]);
  const [xs, ys] = [scaleOf(at(0)), scaleOf(at(1))];
  const left = 78, top = 50, radius = n > 1500 ? 2.2 : 3.2;
  const X = (x: number) => left + (x - xs.low) / (xs.high - xs.low) * SIDE;
  const Y = (y: number) => top + SIDE - (y - ys.low) / (ys.high - ys.low) * SIDE;

  const body = [label(title, { x: left, y: 24, size: 15 })];
  for (const tick of xs.ticks) {
    body.push(
      line(X(tick), top, X(tick), top + SIDE),
      label(`${tick}`, { x: X(tick), y: top + SIDE + 14, anchor: "middle" }),
    );
  }
  for (const tick of ys.ticks) {
    body.push(
      line(left, Y(tick), left + SIDE, Y(tick)),
      label(`${tick}`, { x: left - 7, y: Y(tick), anchor: "end" }),
    );
  }
  body.push(
    `<rect x="${left}" y="${top}" width="${SIDE}" height="${SIDE}" fill="none" stroke="#888888"/>`,
    label(axes[0], { x: left + SIDE / 2, y: top + SIDE + 38, size: 13, anchor: "middle" }),
    label(axes[1], { x: 18, y: top + SIDE / 2, size: 13, anchor: "middle", turn: -90 }),
  );

  const present = [...new Set(Array.from(labels))].sort((a, b) => a - b);
  const groups = new Map(present.map((k) => [k, [] as string[]]));
  for (let i = 0; i < n; i++) {
    const [x, y] = [points[2 * i], points[2 * i + 1]];
    if (Number.isFinite(x) && Number.isFinite(y)) {
      groups.get(labels[i])!.push(
        `<use href="#m${markOf(labels[i])}" x="${round(X(x))}" y="${round(Y(y))}"/>`,
      );
    }
  }
  body.unshift(`<defs>${MARKS.map((mark, m) => `<g id="m${m}">${mark(radius)}</g>`).join("")}</defs>`);
  for (const [k, marks] of groups) {
    const name = k < 0 ? "no label" : classes[k] ?? `${k}`;
    body.push(
      `<g fill="${colourOf(k)}" fill-opacity="0.75"><title>${escaped(name)}</title>${marks.join("")}</g>`,
    );
  }

  const names = present.map((k) => shortened(k < 0 ? "no label" : classes[k] ?? `${k}`, NAME));
  const wide = 34 + Math.max(...names.map((name) => textWidth(name, 12))), legend = left + SIDE + 24;
  names.forEach((name, i) => {
    const x = legend + Math.floor(i / COLUMN) * wide, y = top + 8 + (i % COLUMN) * 18, k = present[i];
    body.push(
      `<g transform="translate(${round(x)} ${round(y)})" fill="${colourOf(k)}">${MARKS[markOf(k)](4.5)}</g>`,
      label(name, { x: x + 13, y, size: 12 }),
    );
  });
  const width = legend + Math.ceil(names.length / COLUMN) * wide;
  return svg({
    width: Math.ceil(Math.max(width, left + textWidth(title, 15))),
    height: top + SIDE + 60,
    title,
  }, body);
}

const colourOf = (k: number) => k < 0 ? "#999999" : PALETTE[k % PALETTE.length];
const markOf = (k: number) => k < 0 ? 0 : Math.floor(k / PALETTE.length) % MARKS.length;

const line = (x1: number, y1: number, x2: number, y2: number) =>
  `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" stroke="#e6e6e6"/>`;

/** Bounds a little beyond the values, and round numbers between them. */
function scaleOf(values: number[]): { low: number; high: number; ticks: number[] } {
  const finite = values.filter(Number.isFinite);
  const least = finite.reduce((a, b) => Math.min(a, b), Infinity),
    most = finite.reduce((a, b) => Math.max(a, b), -Infinity);
  if (!(most >= least)) return { low: 0, high: 1, ticks: [0, 1] };
  const margin = 0.04 * (most - least || 1), low = least - margin, high = most + margin;
  const rough = (high - low) / 6, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((size) => size >= rough)!;
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) ticks.push(Number((i * step).toPrecision(12)));
  return { low, high, ticks };
}

/**
 * Points on a plane, colored by class, as SVG.
 *
 * @module
 */
import * as Plot from "npm:@observablehq/plot@0.6.17";
import { classColors, NO_CLASS } from "./colors.ts";
import { renderPicture, shortened, textWidth } from "./render.ts";

/** Symbols of about the same area. They tell classes apart when the colors repeat. */
const SYMBOLS = ["circle", "triangle", "square", "diamond", "cross", "star", "wye"] as const;

/** A picture of points. */
export interface Scatter {
  title: string;
  /** Labels of the axes, with their units. */
  axes: readonly [x: string, y: string];
  /** [n, 2]: coordinates. Points with a coordinate that is not finite are left out. */
  points: ArrayLike<number>;
  /** [n]: the class of each point, −1 without one. */
  labels: ArrayLike<number>;
  /** Names of the classes. */
  classes: readonly string[];
}

/** Side of the plane and margins in pixels; entries per column of the legend; characters of a name. */
const SIDE = 560, LEFT = 78, TOP = 50, BOTTOM = 60, COLUMN = 30, NAME = 20;
const LEGEND = { left: 24, line: 18, size: 12 };

/** Draws the points with axes, and a legend of the classes that occur. */
export function scatterPlot({ title, axes, points, labels, classes }: Scatter): string {
  const n = labels.length, r = n > 1500 ? 2.2 : 3.2;
  const present = [...new Set(Array.from(labels))].sort((a, b) => a - b);
  const names = present.map((k) => shortened(k < 0 ? "no label" : classes[k] ?? `${k}`, NAME));
  const all = Array.from({ length: n }, (_, i) => ({ x: points[2 * i], y: points[2 * i + 1], k: labels[i] }));
  const shown = all.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
  const column = 34 + Math.max(...names.map((name) => textWidth(name, LEGEND.size)));
  const legend = LEGEND.left + Math.ceil(names.length / COLUMN) * column;
  const width = Math.ceil(Math.max(LEFT + SIDE + legend, 2 * LEFT + textWidth(title, 15)));
  const height = TOP + SIDE + BOTTOM;
  const axis = { labelAnchor: "center", labelArrow: "none", ticks: 6, grid: true, inset: 20 } as const;
  const options: Plot.PlotOptions = {
    width,
    height,
    marginLeft: LEFT,
    marginTop: TOP,
    marginBottom: BOTTOM,
    marginRight: width - LEFT - SIDE,
    style: { fontSize: "12px" },
    x: { ...axis, domain: domainOf(shown.map(({ x }) => x)), label: axes[0], labelOffset: 40 },
    y: { ...axis, domain: domainOf(shown.map(({ y }) => y)), label: axes[1], labelOffset: 62 },
    marks: [
      Plot.frame({ stroke: "#888888" }),
      Plot.text([title], { frameAnchor: "top-left", dy: -28, fontSize: 15 }),
      ...present.map((k, i) =>
        Plot.dot(shown.filter((point) => point.k === k), {
          ...{ x: "x", y: "y", r, fill: colorOf(k), fillOpacity: 0.75, symbol: symbolOf(k) },
          ariaLabel: names[i],
        })
      ),
      ...present.flatMap((k, i) => legendEntry(names[i], { k, i, column })),
    ],
  };
  return renderPicture([{ x: 0, y: 0, options }], { width, height, title });
}

/** The symbol and the name of class `k`, entry `i` of the legend right of the frame. */
function legendEntry(
  name: string,
  { k, i, column }: { k: number; i: number; column: number },
): Plot.Markish[] {
  const dx = LEGEND.left + Math.floor(i / COLUMN) * column, dy = 8 + (i % COLUMN) * LEGEND.line;
  const at = { frameAnchor: "top-right", dy } as const;
  return [
    Plot.dot([k], { ...at, dx, r: 4.5, fill: colorOf(k), symbol: symbolOf(k), ariaLabel: "legend" }),
    Plot.text([name], { ...at, dx: dx + 13, textAnchor: "start", lineAnchor: "middle" }),
  ];
}

/** The range of finite values, widened where they are all equal. */
function domainOf(values: readonly number[]): [low: number, high: number] {
  if (values.length === 0) return [0, 1];
  const low = values.reduce((a, b) => Math.min(a, b)), high = values.reduce((a, b) => Math.max(a, b));
  return low < high ? [low, high] : [low - 0.5, high + 0.5];
}

const colorOf = (k: number) => k < 0 ? NO_CLASS : classColors[k % classColors.length];
const symbolOf = (k: number) => SYMBOLS[k < 0 ? 0 : Math.floor(k / classColors.length) % SYMBOLS.length];

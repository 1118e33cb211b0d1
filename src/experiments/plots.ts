/**
 * Pictures of experiments, as SVG.
 *
 * @module
 */
import * as Plot from "npm:@observablehq/plot@0.6.17";
import { parseHTML } from "npm:linkedom@0.18.15";
import type { PaperRow, Series } from "./experiment.ts";
import type { RowFigures } from "./figures.ts";

/** Okabe and Ito's colours, which colour-blind people tell apart. */
const colours: Record<Series, string> = {
  "BYOL": "#0072B2",
  "SimCLR": "#D55E00",
  "BYOL, plain": "#56B4E9",
  "SimCLR, plain": "#E69F00",
};

/** Widths that a phone shows at full size, and the height of a row and of what is around them, pixels. */
const WIDTH = 370, ROW = 34, AROUND = 64, LETTER = 7;

/** A point of a plot. */
interface Point {
  name: string;
  series: Series;
  value: number;
  low: number;
  high: number;
  collapsed: boolean;
}

/**
 * What was measured: linear evaluation as dots with their standard deviation, kNN as open squares, and the `untrained`
 * encoder as a dashed line.
 */
export function measuredPlot(
  rows: readonly RowFigures[],
  { varies, untrained }: { varies: string; untrained: number | null },
): string {
  const pointsOf = (chooser: (row: RowFigures) => RowFigures["linear"]) =>
    rows.flatMap((row): Point[] => {
      const value = chooser(row);
      if (!value) return [];
      const { mean, sd } = value;
      const collapsed = row.collapses.length > 0;
      return [{
        name: row.name,
        series: row.series,
        value: mean,
        low: mean - (sd ?? 0),
        high: mean + (sd ?? 0),
        collapsed,
      }];
    });
  return plot(rows, {
    varies,
    label: "top-1 on held-out images, %",
    linear: pointsOf(({ linear }) => linear),
    knn: pointsOf(({ knn }) => knn),
    untrained,
  });
}

/** What the paper has. */
export function paperPlot(rows: readonly PaperRow[], { varies }: { varies: string }): string {
  const linear = rows.flatMap(({ name, series = "BYOL", paper }): Point[] =>
    paper === undefined ? [] : [{ name, series, value: paper, low: paper, high: paper, collapsed: false }]
  );
  const shown = rows.map(({ name, series = "BYOL" }) => ({ name, series }));
  return plot(shown, { varies, label: "the paper's top-1 on ImageNet, %", linear, knn: [], untrained: null });
}

function plot(
  rows: readonly Pick<RowFigures, "name" | "series">[],
  { varies, label, linear, knn, untrained }: {
    varies: string;
    label: string;
    linear: Point[];
    knn: Point[];
    untrained: number | null;
  },
): string {
  const names = [...new Set(rows.map(({ name }) => name))];
  const series = [...new Set(rows.map(({ series }) => series))];
  const most = Math.ceil(Math.max(...[...linear, ...knn].map(({ high }) => high), 10) / 10) * 10;
  /** Series lie above each other within a row. */
  const height = ROW * Math.max(1, series.length / 2);
  const shift = (one: Series) => (series.indexOf(one) - (series.length - 1) / 2) * 13;
  const marks = series.flatMap((one) => {
    const of = (points: Point[]) => points.filter((point) => point.series === one);
    const at = { y: "name", dy: shift(one) };
    return [
      Plot.ruleY(of(linear), { ...at, x1: "low", x2: "high", stroke: colours[one], strokeWidth: 2 }),
      Plot.tickX(of(linear).filter(({ low, high }) => low < high), {
        ...at,
        x: "low",
        inset: height / 2 - 4,
        stroke: colours[one],
      }),
      Plot.tickX(of(linear).filter(({ low, high }) => low < high), {
        ...at,
        x: "high",
        inset: height / 2 - 4,
        stroke: colours[one],
      }),
      Plot.dot(of(knn), {
        ...at,
        x: "value",
        symbol: "square",
        r: 3.5,
        stroke: colours[one],
        strokeOpacity: .75,
      }),
      Plot.dot(of(linear).filter(({ collapsed }) => !collapsed), {
        ...at,
        x: "value",
        r: 4.5,
        fill: colours[one],
      }),
      Plot.dot(of(linear).filter(({ collapsed }) => collapsed), {
        ...at,
        x: "value",
        symbol: "times",
        r: 5.5,
        stroke: colours[one],
        strokeWidth: 2.5,
      }),
    ];
  });
  // linkedom's types want a browser's, which Deno has not.
  const { document } = parseHTML("<html></html>") as unknown as { document: undefined };
  const svg = Plot.plot({
    document,
    width: WIDTH,
    height: AROUND + height * names.length,
    marginLeft: 14 + LETTER * Math.max(...names.map(({ length }) => length)),
    marginRight: 18,
    marginBottom: 42,
    style: { fontSize: "12px", fontFamily: "system-ui, sans-serif" },
    x: {
      label,
      labelAnchor: "right",
      labelArrow: "none",
      domain: [0, Math.min(100, most)],
      grid: true,
      ticks: 5,
    },
    y: { domain: names, label: varies, labelAnchor: "top", labelArrow: "none", tickSize: 0 },
    marks: [
      Plot.ruleX(untrained === null ? [] : [untrained], { stroke: "#555", strokeDasharray: "4 3" }),
      ...marks,
      Plot.ruleX([0]),
    ],
  });
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${label}: the figures are in the table`);
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return svg.outerHTML;
}

/** The colour of each of the series of `rows`. */
export function legendOf(rows: readonly RowFigures[]): { series: Series; colour: string }[] {
  return [...new Set(rows.map(({ series }) => series))].map((series) => ({
    series,
    colour: colours[series],
  }));
}

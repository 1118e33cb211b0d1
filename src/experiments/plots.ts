/**
 * Plots of experiments, as SVG.
 *
 * @module
 */
import * as Plot from "npm:@observablehq/plot@0.6.17";
import { MUTED, okabeIto } from "../plots/colors.ts";
import { renderPlot } from "../plots/render.ts";
import type { PaperRow, Series } from "./experiment.ts";
import type { RowFigures } from "./figures.ts";

const colors: Record<Series, string> = {
  "BYOL": okabeIto.blue,
  "SimCLR": okabeIto.vermillion,
  "BYOL, plain": okabeIto.skyBlue,
  "SimCLR, plain": okabeIto.orange,
};

/** In pixels: a width that a phone shows at full size, the height of a row and of what is around the rows. */
const WIDTH = 370, ROW = 34, AROUND = 64, LETTER = 7;

/** A point of a plot, in percent. */
interface Point {
  name: string;
  series: Series;
  value: number;
  low: number;
  high: number;
  collapsed: boolean;
}

/** What a plot shows. */
interface Figures {
  /** Label of the rows. */
  varies: string;
  /** Label of the axis. */
  label: string;
  /** Linear evaluation, and kNN. */
  linear: Point[];
  knn: Point[];
  /** Linear evaluation of the untrained encoder; null if it is not shown. */
  untrained: number | null;
}

/**
 * What was measured: linear evaluation as dots with their standard deviation, kNN as open squares, the `untrained` encoder
 * as a dashed line.
 */
export function measuredPlot(
  rows: readonly RowFigures[],
  { varies, untrained }: { varies: string; untrained: number | null },
): string {
  const pointsOf = (figure: (row: RowFigures) => RowFigures["linear"]) =>
    rows.flatMap((row): Point[] => {
      const estimate = figure(row);
      if (!estimate) return [];
      const { mean: value, sd } = estimate, { name, series, collapses } = row;
      return [{
        ...{ name, series, value, collapsed: collapses.length > 0 },
        low: value - (sd ?? 0),
        high: value + (sd ?? 0),
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

/** The paper's figures. */
export function paperPlot(rows: readonly PaperRow[], { varies }: { varies: string }): string {
  const linear = rows.flatMap(({ name, series = "BYOL", paper }): Point[] =>
    paper === undefined ? [] : [{ name, series, value: paper, low: paper, high: paper, collapsed: false }]
  );
  const shown = rows.map(({ name, series = "BYOL" }) => ({ name, series }));
  return plot(shown, { varies, label: "the paper's top-1 on ImageNet, %", linear, knn: [], untrained: null });
}

function plot(
  rows: readonly Pick<RowFigures, "name" | "series">[],
  { varies, label, linear, knn, untrained }: Figures,
): string {
  const names = [...new Set(rows.map(({ name }) => name))];
  const series = [...new Set(rows.map(({ series }) => series))];
  const highest = Math.ceil(Math.max(...[...linear, ...knn].map(({ high }) => high), 10) / 10) * 10;
  // Series lie above each other within a row.
  const height = ROW * Math.max(1, series.length / 2);
  const of = (one: Series, points: Point[]) => points.filter((point) => point.series === one);
  const options: Plot.PlotOptions = {
    width: WIDTH,
    height: AROUND + height * names.length,
    marginLeft: 14 + LETTER * Math.max(...names.map(({ length }) => length)),
    marginRight: 18,
    marginBottom: 42,
    style: { fontSize: "12px", fontFamily: "system-ui, sans-serif" },
    x: {
      ...{ label, labelAnchor: "right", labelArrow: "none" },
      ...{ domain: [0, Math.min(100, highest)], grid: true, ticks: 5 },
    },
    y: { domain: names, label: varies, labelAnchor: "top", labelArrow: "none", tickSize: 0 },
    marks: [
      Plot.ruleX(untrained === null ? [] : [untrained], { stroke: MUTED, strokeDasharray: "4 3" }),
      ...series.flatMap((one, i) =>
        seriesMarks({ linear: of(one, linear), knn: of(one, knn) }, {
          color: colors[one],
          dy: (i - (series.length - 1) / 2) * 13,
          inset: height / 2 - 4,
        })
      ),
      Plot.ruleX([0]),
    ],
  };
  return renderPlot(options, { role: "img", "aria-label": `${label}: the figures are in the table` });
}

/** The marks of one series, `dy` pixels below the middle of each row; `inset` shortens the ends of its error bars. */
function seriesMarks(
  { linear, knn }: { linear: Point[]; knn: Point[] },
  { color: stroke, dy, inset }: { color: string; dy: number; inset: number },
): Plot.Markish[] {
  const at = { y: "name", dy }, ranges = linear.filter(({ low, high }) => low < high);
  const [dots, crosses] = [false, true].map((wanted) =>
    linear.filter(({ collapsed }) => collapsed === wanted)
  );
  return [
    Plot.ruleY(linear, { ...at, x1: "low", x2: "high", stroke, strokeWidth: 2 }),
    Plot.tickX(ranges, { ...at, x: "low", inset, stroke }),
    Plot.tickX(ranges, { ...at, x: "high", inset, stroke }),
    Plot.dot(knn, { ...at, x: "value", symbol: "square", r: 3.5, stroke, strokeOpacity: .75 }),
    Plot.dot(dots, { ...at, x: "value", r: 4.5, fill: stroke }),
    Plot.dot(crosses, { ...at, x: "value", symbol: "times", r: 5.5, stroke, strokeWidth: 2.5 }),
  ];
}

/** The color of each series of `rows`. */
export function legendOf(rows: readonly RowFigures[]): { series: Series; color: string }[] {
  return [...new Set(rows.map(({ series }) => series))].map((series) => ({ series, color: colors[series] }));
}

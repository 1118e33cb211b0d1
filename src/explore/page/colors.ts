/** Colors of points: by class, cluster or outlier score. */
import { countText, type Explored } from "./explored.ts";

/** Paul Tol's schemes "muted" and "light", which color-blind people tell apart, on a light and a dark ground. */
const classes = {
  light: ["#332288", "#44aa99", "#cc6677", "#88ccee", "#999933", "#aa4499", "#117733", "#ddaa33", "#882255"]
    .concat("#222222"),
  dark: ["#77aadd", "#ee8866", "#44bb99", "#eedd88", "#ffaabb", "#99ddff", "#bbcc33", "#aaaa00", "#cc88cc"]
    .concat("#ffffff"),
};
const none = { light: "#b8b8b8", dark: "#5c6066" };

/** The map "cividis", from near to far: what is far out stands out on either ground. */
const scores = {
  light: ["#d8d2a8", "#a59c74", "#707173", "#434e6c", "#00224e"],
  dark: ["#3d4a66", "#666970", "#958f78", "#cabb68", "#fee838"],
};
/** Steps of a color scale. */
const STEPS = 32;
/** Scores above this share of all get the last color. */
const CLIPPED = 0.995;

export type Theme = "light" | "dark";
export type ColorName = "label" | "cluster" | "outlier";

/** Points by color. */
export interface Coloring {
  /** [rows]: an index into `colors`. */
  of: Float32Array;
  colors: string[];
  /** Entries of the legend; `index` is that in `of`. */
  legend: { name: string; color: string; rows: number; index: number }[];
  /** What the first and the last color of a scale mean; null for classes. */
  scale: [low: string, high: string] | null;
}

/** What points can be colored by. */
export function colorNames({ labels }: Explored): ColorName[] {
  return labels ? ["label", "cluster", "outlier"] : ["cluster", "outlier"];
}

/** The colors of all points by `name`. */
export function coloringOf(explored: Explored, { name, theme }: { name: ColorName; theme: Theme }): Coloring {
  if (name === "outlier") return byScore(explored.outliers, theme);
  const { labels, clusters } = explored;
  if (name === "label" && labels) return byClass(labels.of, { names: labels.names, theme });
  const count = clusters.reduce((most, cluster) => Math.max(most, cluster + 1), 0);
  const names = Array.from({ length: count }, (_, i) => `cluster ${i + 1}`);
  return byClass(clusters, { names, theme });
}

function byClass(
  indices: ArrayLike<number>,
  { names, theme }: { names: readonly string[]; theme: Theme },
): Coloring {
  const palette = classes[theme], rows = new Array(names.length + 1).fill(0);
  const of = Float32Array.from(indices, (index) => index < 0 ? names.length : index);
  of.forEach((index) => rows[index]++);
  const colors = names.map((_, i) => palette[i % palette.length]).concat(none[theme]);
  const legend = [...names, "no label"].map((name, index) => ({
    name,
    color: colors[index],
    rows: rows[index],
    index,
  }));
  return { of, colors, legend: legend.filter((entry) => entry.rows > 0), scale: null };
}

function byScore(values: Float32Array, theme: Theme): Coloring {
  const sorted = values.toSorted(), low = sorted[0];
  const high = sorted[Math.floor(CLIPPED * (sorted.length - 1))];
  const of = values.map((value) =>
    Math.max(0, Math.min(STEPS - 1, Math.floor(STEPS * (value - low) / (high - low || 1))))
  );
  const colors = Array.from({ length: STEPS }, (_, i) => mixed(scores[theme], i / (STEPS - 1)));
  return {
    of,
    colors,
    legend: [],
    scale: [`near to others: ${low.toFixed(4)}`, `far out: ${high.toFixed(4)} and more`],
  };
}

/** The color at `share`, 0 … 1, between equally distant stops. */
function mixed(stops: readonly string[], share: number): string {
  const at = share * (stops.length - 1), i = Math.min(Math.floor(at), stops.length - 2);
  const [a, b] = [stops[i], stops[i + 1]].map((color) => Number.parseInt(color.slice(1), 16));
  const channel = (shift: number) => {
    const [x, y] = [a >> shift & 255, b >> shift & 255];
    return Math.round(x + (y - x) * (at - i)).toString(16).padStart(2, "0");
  };
  return `#${channel(16)}${channel(8)}${channel(0)}`;
}

/** The legend's note on colors that repeat; empty if they do not. */
export function repeatNote({ legend }: Coloring): string {
  const { length } = classes.light;
  return legend.length <= length
    ? ""
    : `${countText(length, "color")} repeat. Choose a name to see its images alone.`;
}

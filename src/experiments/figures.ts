/**
 * The figures of an experiment's rows: means over seeds, beside the paper's.
 *
 * @module
 */
import type { Series } from "./experiment.ts";
import type { IndexedRow, RunFailure, RunResult, Worth } from "./results.ts";
import { type Estimate, estimate } from "./statistics.ts";

/** A row with what its runs came to. Accuracies are per cent, differences are points. */
export interface RowFigures {
  name: string;
  series: Series;
  baseline: boolean;
  linear: Estimate | null;
  knn: Estimate | null;
  /** linear less that of the baseline of its series; null of the baseline itself. */
  difference: number | null;
  paper: number | null;
  /** The same of the paper's figures. */
  paperDifference: number | null;
  /** z_std · √D: 1 when projections are spread evenly, 0 when they have collapsed. Null of an untrained encoder. */
  spread: Estimate | null;
  rankme: Estimate | null;
  /** Why runs count as collapsed, for those that do. */
  collapses: string[];
  failures: string[];
  /** Of the mean run; null of an untrained encoder, which is evaluated with a trained one. */
  seconds: number | null;
  /** Runs that are not done. */
  missing: number;
}

/** The figures of `rows`, with the results by id. */
export function figuresOf(
  rows: readonly IndexedRow[],
  results: ReadonlyMap<string, RunResult | RunFailure>,
): RowFigures[] {
  const figures = rows.map((row): RowFigures => {
    const found = row.ids.map((id) => results.get(id) ?? null);
    const done = found.filter((result) => result !== null && !("failure" in result)) as RunResult[];
    const failures = found.flatMap((result) => result && "failure" in result ? [result.failure] : []);
    const worth = done.flatMap((run) =>
      run.worth.filter(({ name }) => name === (row.untrained ? "untrained" : "trained"))
    );
    const trained = row.untrained ? [] : done;
    const percent = (value: (worth: Worth) => number | null) => estimate(known(worth.map(value), 100));
    return {
      name: row.name,
      series: row.series ?? "BYOL",
      baseline: row.baseline ?? false,
      linear: percent(({ linear }) => linear),
      knn: percent(({ knn }) => Object.values(knn)[0] ?? null),
      difference: null,
      paper: row.paper ?? null,
      paperDifference: null,
      spread: estimate(trained.map(({ z_std, projection }) => z_std * Math.sqrt(projection))),
      rankme: estimate(known(worth.map(({ rankme }) => rankme), 1)),
      collapses: trained.flatMap(({ collapse }) => collapse === null ? [] : [collapse]),
      failures,
      seconds: estimate(trained.map(({ seconds }) => seconds))?.mean ?? null,
      missing: found.filter((result) => result === null).length,
    };
  });
  return figures.map((row) => {
    const base = figures.find(({ series, baseline }) => baseline && series === row.series);
    if (!base || base === row) return row;
    const minus = (a: number | undefined | null, b: number | undefined | null) =>
      typeof a === "number" && typeof b === "number" ? a - b : null;
    return {
      ...row,
      difference: minus(row.linear?.mean, base.linear?.mean),
      paperDifference: minus(row.paper, base.paper),
    };
  });
}

const known = (values: (number | null)[], factor: number) =>
  values.flatMap((value) => value === null ? [] : [factor * value]);

/** "64.7 ± 1.2", "64.7", or a dash. */
export function estimateText(value: Estimate | null, digits = 1): string {
  if (!value) return "–";
  return value.mean.toFixed(digits) + (value.sd === null ? "" : ` ± ${value.sd.toFixed(digits)}`);
}

/** "+1.2", "−9.1", or nothing. */
export function pointsText(value: number | null): string {
  if (value === null) return "";
  const text = Math.abs(value).toFixed(1);
  return text === "0.0" ? text : `${value < 0 ? "−" : "+"}${text}`;
}

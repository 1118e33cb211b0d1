/**
 * The figures of an experiment's rows: means over seeds, and the paper's.
 *
 * @module
 */
import type { Series } from "./experiment.ts";
import type { EncoderScores, IndexedRow, RunFailure, RunResult } from "./results.ts";
import { type Estimate, estimate } from "./statistics.ts";

/** A row with the results of its runs. Accuracies are in percent, differences in points. */
export interface RowFigures {
  name: string;
  series: Series;
  baseline: boolean;
  linear: Estimate | null;
  knn: Estimate | null;
  /** `linear` minus that of the series' baseline; null for the baseline itself, and if another protocol scored that. */
  difference: number | null;
  paper: number | null;
  /** The same for the paper's figures. */
  paperDifference: number | null;
  /** z_std · √D: 1 when projections are spread evenly, 0 when they have collapsed. Null for an untrained encoder. */
  spread: Estimate | null;
  rankme: Estimate | null;
  /** The evidence of each run that collapsed. */
  collapses: string[];
  failures: string[];
  /** The versions of the protocol that scored its runs. */
  protocols: number[];
  /** Mean time of a run; null for an untrained encoder, which is evaluated along with a trained one. */
  seconds: number | null;
  /** Runs without a result. */
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
    const scores = done.flatMap((run) =>
      run.scores.filter(({ name }) => name === (row.untrained ? "untrained" : "trained"))
    );
    const trained = row.untrained ? [] : done;
    const percentOf = (value: (scores: EncoderScores) => number | null) =>
      estimate(known(scores.map(value), 100));
    return {
      name: row.name,
      series: row.series ?? "BYOL",
      baseline: row.baseline ?? false,
      linear: percentOf(({ linear }) => linear),
      knn: percentOf(({ knn }) => Object.values(knn)[0] ?? null),
      difference: null,
      paper: row.paper ?? null,
      paperDifference: null,
      spread: estimate(trained.map(({ z_std, projection }) => z_std * Math.sqrt(projection))),
      rankme: estimate(known(scores.map(({ rankme }) => rankme), 1)),
      collapses: trained.flatMap(({ collapse }) => collapse === null ? [] : [collapse]),
      failures,
      protocols: [...new Set(done.map(({ protocol = 1 }) => protocol))].sort(),
      seconds: estimate(trained.map(({ seconds }) => seconds))?.mean ?? null,
      missing: found.filter((result) => result === null).length,
    };
  });
  return figures.map((row) => {
    const base = figures.find(({ series, baseline }) => baseline && series === row.series);
    if (!base || base === row || `${base.protocols}` !== `${row.protocols}`) return row;
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

/** Which versions of the protocol scored `rows`, as a sentence; nothing without results. */
export function protocolText(rows: readonly RowFigures[]): string {
  const [version, ...others] = [...new Set(rows.flatMap(({ protocols }) => protocols))].sort();
  if (version === undefined) return "";
  if (others.length === 0) return `Evaluated by version ${version} of the protocol.`;
  const parts = [version, ...others].map((each) => {
    const names = rows.filter(({ protocols }) => protocols.includes(each)).map(({ name }) => name);
    return `version ${each} evaluated ${names.join(", ")}`;
  });
  return `Figures of different versions of the protocol are not comparable: ${parts.join("; ")}.`;
}

/** "+1.2", "−9.1", or nothing. */
export function pointsText(value: number | null): string {
  if (value === null) return "";
  const text = Math.abs(value).toFixed(1);
  return text === "0.0" ? text : `${value < 0 ? "−" : "+"}${text}`;
}

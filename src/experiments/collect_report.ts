/**
 * Collects the results of a scale for its report.
 *
 * @module
 */
import { join } from "node:path";
import type { Experiment, Scale } from "./experiment.ts";
import { MAPS } from "./experiment_run.ts";
import { figuresOf } from "./figures.ts";
import { parseFindings, type Report, type ReportedExperiment } from "./report.ts";
import type { ResultIndex, ResultStore, RunFailure, RunResult } from "./results.ts";
import { estimate } from "./statistics.ts";

type Results = ReadonlyMap<string, RunResult | RunFailure>;

/** All results in `store`. */
export async function collectReport(
  store: ResultStore,
  { experiments, scale }: { experiments: readonly Experiment[]; scale: Scale },
): Promise<Report> {
  const index = await store.index();
  const known = experiments.flatMap((experiment) => {
    const indexed = index?.experiments[experiment.name];
    return indexed ? [{ experiment, indexed }] : [];
  });
  const results = new Map<string, RunResult | RunFailure>();
  for (const id of new Set(known.flatMap(({ indexed }) => indexed.rows.flatMap(({ ids }) => ids)))) {
    const result = await store.read(id);
    if (result) results.set(id, result);
  }
  const findings = parseFindings(await store.text("findings.md") ?? "");
  const done = [...results.values()].filter((result): result is RunResult => !("failure" in result));
  const dates = done.map(({ date }) => date).sort();
  return {
    scale,
    experiments: known.map(({ experiment, indexed }) => reported(experiment, { indexed, results, findings })),
    maps: await mapsOf(store, index),
    runs: done.length,
    seconds: done.reduce((sum, { seconds }) => sum + seconds, 0),
    adapters: [...new Set(done.map(({ adapter }) => adapter))],
    denos: [...new Set(done.map(({ deno }) => deno))],
    dates: dates.length ? { first: dates[0], last: dates.at(-1)! } : null,
  };
}

function reported(
  { name, title, varies, about, source, paperRows }: Experiment,
  { indexed: { command, rows }, results, findings }: {
    indexed: ResultIndex["experiments"][string];
    results: Results;
    findings: ReadonlyMap<string, string[]>;
  },
): ReportedExperiment {
  return {
    ...{ name, title, varies, about, source, command },
    rows: figuresOf(rows, results),
    paperRows: paperRows ?? rows,
    findings: findings.get(name) ?? [],
    untrained: untrainedOf(rows.flatMap(({ ids }) => ids), results),
  };
}

async function mapsOf(store: ResultStore, index: ResultIndex | null): Promise<Report["maps"]> {
  const maps: Report["maps"] = [];
  for (const [name, caption] of Object.entries(MAPS)) {
    const svg = index?.mapped && await store.text(join("maps", index.mapped, name));
    if (svg) maps.push({ caption, svg });
  }
  return maps;
}

/** Mean accuracy in percent, by linear evaluation, of the untrained encoders of the runs `ids`. */
function untrainedOf(ids: readonly string[], results: Results): number | null {
  const found = [...new Set(ids)].flatMap((id) => {
    const result = results.get(id);
    return result && !("failure" in result) ? result.scores.filter(({ name }) => name === "untrained") : [];
  });
  return estimate(found.flatMap(({ linear }) => linear === null ? [] : [100 * linear]))?.mean ?? null;
}

/**
 * The paper's experiments: planned, run as far as they have not been, and reported.
 *
 * @module
 */
import { join } from "node:path";
import type { ImageSource } from "../../data/sources/types.ts";
import { openSource } from "../../data/sources/open.ts";
import { resolveOptions } from "../config/resolve_options.ts";
import type { ExperimentArguments } from "./arguments.ts";
import { messageOf, UserError } from "../base/errors.ts";
import {
  drawMaps,
  identityOf,
  MAPS,
  removeCheckpoints,
  runConfiguration,
  runFolder,
  type RunHooks,
} from "./experiment_run.ts";
import type { Experiment, Scale } from "./experiment.ts";
import { figuresOf } from "./figures.ts";
import { type Configuration, planExperiment, type PlannedExperiment } from "./plan.ts";
import { htmlReport, markdownReport, parseFindings, type Report } from "./report.ts";
import { ResultStore, type RunFailure, type RunResult } from "./results.ts";
import { estimate } from "./statistics.ts";
import { type Job, runJobs, type RunnerOutcome } from "./runner.ts";
import { writeFileAtomic } from "../io/atomic.ts";
import { split } from "../eval/split.ts";

/** What there is to run. */
export interface ExperimentSet {
  experiments: readonly Experiment[];
  scales: Readonly<Record<string, Scale>>;
}

/** How experiments are accompanied. */
export interface ExperimentHooks extends Partial<Pick<RunHooks, "pretrain" | "resume" | "evaluate">> {
  signal?: AbortSignal;
  print?: (line: string) => void;
  /** The command that asked for them, for the report. */
  command: string;
  /** Holds the folders of the runs. */
  runs?: string;
}

/** What became of them. */
export interface ExperimentsOutcome extends RunnerOutcome {
  /** The report's file. */
  report: string;
}

/**
 * Runs the experiments that `asked` names, as far as they have no results yet, and writes the report of all results of
 * that scale: report.html, and its tables as report.md.
 *
 * @throws {UserError} on data that cannot be used.
 */
export async function runExperiments(
  asked: ExperimentArguments,
  { experiments, scales }: ExperimentSet,
  { print = console.log, runs = join("runs", "experiments"), command, ...hooks }: ExperimentHooks,
): Promise<ExperimentsOutcome> {
  const scale = scales[asked.scale],
    store = new ResultStore(asked.out ?? join("docs", "results", scale.name));
  /** Its features as pictures, if the run is there: results may have come without it. */
  const mapRun = async (id: string) => {
    const run = runFolder(runs, id);
    if (await Deno.stat(run).then(() => true, () => false)) {
      await drawMaps({ run, to: store.mapFolder(id) }, hooks);
    }
  };
  let outcome: RunnerOutcome = { skipped: 0, done: 0, failed: 0, interrupted: false };
  if (!asked.reportOnly) {
    const chosen = experiments.filter(({ name }) => asked.names.includes(name));
    const planned = chosen.map((experiment) => planExperiment(experiment, { scale, overrides: asked }));
    const data = asked.data ?? scale.options.data;
    if (data === undefined) {
      throw new UserError(
        `Cannot run experiments at the scale ${scale.name} without images as only the scale quick has its own. ` +
          `Add --data SOURCE.`,
      );
    }
    const source = await openSource(data), { fingerprint } = source;
    source.close();
    expectEvaluable(source, planned);
    const ids = new Map<Configuration, string>();
    const jobs: Job[] = [];
    for (const { experiment, rows } of planned) {
      // An untrained encoder comes with a trained one, after which the run is called.
      const ordered = rows.toSorted(({ row: a }, { row: b }) =>
        Number(a.untrained ?? 0) - Number(b.untrained ?? 0)
      );
      for (const { row, configurations } of ordered) {
        for (const configuration of configurations) {
          const id = await identityOf(configuration, { fingerprint });
          ids.set(configuration, id);
          const label = `${experiment.name}: ${
            row.series ?? "BYOL"
          }, ${row.name}, seed ${configuration.given.seed}`;
          jobs.push({ id, label, configuration });
        }
      }
    }
    const base = jobs.find(({ configuration }) => configuration.baselines);
    await store.prepare();
    await store.note(planned, {
      scale: scale.name,
      mapped: base?.id,
      command,
      idOf: (configuration) => ids.get(configuration)!,
    });
    const run = (job: Job) => runConfiguration(job, { folder: runs, ...hooks });
    const finished = ({ id }: Job) => removeCheckpoints(runs, id);
    outcome = await runJobs(jobs, { store, run, finished, print, signal: hooks.signal });
    const result = base && await store.read(base.id);
    if (result && !("failure" in result) && !outcome.interrupted) {
      try {
        await mapRun(base.id);
      } catch (error) {
        if (hooks.signal?.aborted) outcome = { ...outcome, interrupted: true };
        else print(`No maps: ${messageOf(error)}`);
      }
    }
  }
  const report = await collectReport(store, { experiments, scale });
  if (report.experiments.length === 0) {
    throw new UserError(
      `Cannot report on ${store.folder} as it must hold results: there are none. Leave --report-only out.`,
    );
  }
  const path = join(store.folder, "report.html"), encode = (text: string) => [new TextEncoder().encode(text)];
  await writeFileAtomic(path, encode(htmlReport(report)));
  await writeFileAtomic(join(store.folder, "report.md"), encode(markdownReport(report)));
  return { ...outcome, report: path };
}

/** Throws a UserError on images that runs could learn from, but not be evaluated on: each would tell so at its end. */
function expectEvaluable(source: ImageSource, planned: readonly PlannedExperiment[]): void {
  const { name, classes, length } = source, [{ given, recipe }] = planned[0].rows[0].configurations;
  const why = `Cannot run experiments on ${name} as`;
  if (length === null) {
    throw new UserError(
      `${why} it must be known how many images there are, to hold some out: it is streamed. Copy it to this machine.`,
    );
  }
  if (classes.length < 2) {
    throw new UserError(
      `${why} its labels must be of at least two classes: found ${classes.length || "none"}. ` +
        `Name labelled images: --data SOURCE.`,
    );
  }
  if (split(source, resolveOptions(given, { recipe })).holdout === 0) {
    throw new UserError(`${why} some must be held out for evaluation: found none. Give --holdout N.`);
  }
}

/** All that there is in `store`. */
async function collectReport(
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
  const maps = [];
  for (const [name, caption] of Object.entries(MAPS)) {
    const svg = index?.mapped && await store.text(join("maps", index.mapped, name));
    if (svg) maps.push({ caption, svg });
  }
  return {
    scale,
    experiments: known.map((
      { experiment: { name, title, varies, about, source, paperRows }, indexed: { command, rows } },
    ) => ({
      name,
      title,
      varies,
      about,
      source,
      command,
      rows: figuresOf(rows, results),
      paperRows: paperRows ?? rows,
      findings: findings.get(name) ?? [],
      untrained: untrainedOf(rows.flatMap(({ ids }) => ids), results),
    })),
    maps,
    runs: done.length,
    seconds: done.reduce((sum, { seconds }) => sum + seconds, 0),
    adapters: [...new Set(done.map(({ adapter }) => adapter))],
    denos: [...new Set(done.map(({ deno }) => deno))],
    dates: dates.length ? { first: dates[0], last: dates.at(-1)! } : null,
  };
}

/** The mean of what linear evaluation gives of the untrained encoders of the runs `ids`, per cent. */
function untrainedOf(
  ids: readonly string[],
  results: ReadonlyMap<string, RunResult | RunFailure>,
): number | null {
  const found = [...new Set(ids)].flatMap((id) => {
    const result = results.get(id);
    return result && !("failure" in result) ? result.worth.filter(({ name }) => name === "untrained") : [];
  });
  return estimate(found.flatMap(({ linear }) => linear === null ? [] : [100 * linear]))?.mean ?? null;
}

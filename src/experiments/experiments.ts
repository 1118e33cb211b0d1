/**
 * The paper's experiments: planned, run as far as they have no results yet, and reported.
 *
 * @module
 */
import { join } from "node:path";
import type { ImageSource } from "../../data/sources/types.ts";
import { openSource } from "../../data/sources/open.ts";
import { messageOf, UserError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import { resolveOptions } from "../config/resolve_options.ts";
import { partsOf } from "../eval/parts.ts";
import { writeFileAtomic } from "../io/atomic.ts";
import type { ExperimentArguments } from "./arguments.ts";
import { collectReport } from "./collect_report.ts";
import {
  drawMaps,
  identityOf,
  removeCheckpoints,
  runConfiguration,
  runFolder,
  type RunHooks,
} from "./experiment_run.ts";
import type { Experiment, Scale } from "./experiment.ts";
import { type Configuration, planExperiment, type PlannedExperiment } from "./plan.ts";
import { htmlReport, markdownReport } from "./report.ts";
import { ResultStore } from "./results.ts";
import { type Job, runJobs, type RunnerOutcome } from "./runner.ts";

/** The experiments and scales to choose from. */
export interface ExperimentSet {
  experiments: readonly Experiment[];
  scales: Readonly<Record<string, Scale>>;
}

/** How experiments report their progress and are interrupted. */
export interface ExperimentHooks extends Partial<Pick<RunHooks, "pretrain" | "resume" | "evaluate">> {
  signal?: AbortSignal;
  /** Receives each line of text. Default: lines are printed. */
  log?: (line: string) => void;
  /** The command line, for the report. */
  command: string;
  /** Folder for the folders of the runs. */
  runs?: string;
}

/** How the experiments ended. */
export interface ExperimentsOutcome extends RunnerOutcome {
  /** The report's file. */
  report: string;
}

/** What the parts of a call share. */
interface Session extends ExperimentHooks {
  asked: ExperimentArguments;
  scale: Scale;
  store: ResultStore;
  runs: string;
  log: (line: string) => void;
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
  { log = console.log, runs = join("runs", "experiments"), ...hooks }: ExperimentHooks,
): Promise<ExperimentsOutcome> {
  const scale = scales[asked.scale];
  const store = new ResultStore(asked.out ?? join("docs", "results", scale.name));
  const outcome = asked.reportOnly
    ? { skipped: 0, done: 0, failed: 0, interrupted: false }
    : await runAll(experiments, { asked, scale, store, log, runs, ...hooks });
  const report = await collectReport(store, { experiments, scale });
  if (report.experiments.length === 0) {
    throw new UserError(`Cannot report on "${store.folder}": it holds no results. Leave --report-only out.`);
  }
  const path = join(store.folder, "report.html"), encode = (text: string) => [new TextEncoder().encode(text)];
  await writeFileAtomic(path, encode(htmlReport(report)));
  await writeFileAtomic(join(store.folder, "report.md"), encode(markdownReport(report)));
  return { ...outcome, report: path };
}

async function runAll(experiments: readonly Experiment[], session: Session): Promise<RunnerOutcome> {
  const { asked, scale, store, log, runs, command, ...hooks } = session;
  const chosen = experiments.filter(({ name }) => asked.names.includes(name));
  const planned = chosen.map((experiment) => planExperiment(experiment, { scale, overrides: asked }));
  const { jobs, idOf } = await jobsOf(planned, { fingerprint: await fingerprintOf(planned, session) });
  const base = jobs.find(({ configuration }) => configuration.baselines);
  await store.prepare();
  await store.note(planned, { scale: scale.name, mapped: base?.id, command, idOf });
  const outcome = await runJobs(jobs, {
    store,
    run: (job) => runConfiguration(job, { folder: runs, ...hooks }),
    finished: ({ id }) => removeCheckpoints(runs, id),
    log,
    signal: hooks.signal,
  });
  const result = base && await store.read(base.id);
  if (!result || "failure" in result || outcome.interrupted) return outcome;
  return { ...outcome, interrupted: !await mapRun(base.id, session) };
}

/** The fingerprint of the images, which must be such that runs can be evaluated on them. */
async function fingerprintOf(
  planned: readonly PlannedExperiment[],
  { asked, scale }: Session,
): Promise<string> {
  const data = asked.data ?? scale.options.data;
  if (data === undefined) {
    throw new UserError(
      `Cannot run experiments at the scale "${scale.name}" without images: only the scale quick has its own. Add ` +
        `--data SOURCE.`,
    );
  }
  const source = await openSource(data);
  try {
    expectEvaluable(source, planned);
    return source.fingerprint;
  } finally {
    source.close();
  }
}

/** A job for each configuration, with its id. */
async function jobsOf(
  planned: readonly PlannedExperiment[],
  { fingerprint }: { fingerprint: string },
): Promise<{ jobs: Job[]; idOf(configuration: Configuration): string }> {
  const ids = new Map<Configuration, string>(), jobs: Job[] = [];
  for (const { experiment, rows } of planned) {
    // An untrained encoder comes with a trained one, after which the run is named.
    const ordered = rows.toSorted(({ row: a }, { row: b }) =>
      Number(a.untrained ?? 0) - Number(b.untrained ?? 0)
    );
    for (const { row, configurations } of ordered) {
      for (const configuration of configurations) {
        const id = await identityOf(configuration, { fingerprint });
        ids.set(configuration, id);
        const { seed } = configuration.given;
        const label = `${experiment.name}: ${row.series ?? "BYOL"}, ${row.name}, seed ${seed}`;
        jobs.push({ id, label, configuration });
      }
    }
  }
  return { jobs, idOf: (configuration) => ids.get(configuration)! };
}

/** Draws the features of a run if its folder exists: results may have come without it. False if it was interrupted. */
async function mapRun(id: string, { store, log, runs, ...hooks }: Session): Promise<boolean> {
  const run = runFolder(runs, id);
  try {
    if (await exists(run)) await drawMaps({ run, to: store.mapFolder(id) }, hooks);
  } catch (error) {
    if (hooks.signal?.aborted) return false;
    log(`No maps: ${messageOf(error)}`);
  }
  return true;
}

/** Refuses images on which runs could not be evaluated, before the first run finds out at its end. */
function expectEvaluable(source: ImageSource, planned: readonly PlannedExperiment[]): void {
  const { name, classes, length } = source, [{ given, recipe }] = planned[0].rows[0].configurations;
  const what = `Cannot run experiments on "${name}"`;
  if (length === null) {
    throw new UserError(
      `${what}: it is streamed, and to hold images out their number must be known. Copy it to this machine.`,
    );
  }
  if (classes.length < 2) {
    throw new UserError(
      `${what}: its labels must be of at least two classes, found ${
        classes.length || "none"
      }. Name labeled images: ` +
        `--data SOURCE.`,
    );
  }
  if (!partsOf(source, resolveOptions(given, { recipe })).heldOut) {
    throw new UserError(`${what}: no images are held out for evaluation. Give --holdout N.`);
  }
}

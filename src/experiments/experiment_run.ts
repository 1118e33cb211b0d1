/**
 * One run of an experiment: trains, evaluates, and returns the result.
 *
 * @module
 */
import { join } from "node:path";
import { exists } from "../base/files.ts";
import type { StepRecord } from "../config/callbacks.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";
import { resolveOptions } from "../config/resolve_options.ts";
import { drawConfusion, drawEvaluation } from "../eval/draw_evaluation.ts";
import { DEFAULT_KS } from "../eval/labels.ts";
import { evaluate } from "../eval/protocol.ts";
import { type EvaluationReport, PROTOCOL_VERSION } from "../eval/types.ts";
import { writeFileAtomic } from "../io/atomic.ts";
import { writeJson } from "../io/json_file.ts";
import { readMetrics } from "../io/metrics.ts";
import { pretrain } from "../run/pretrain.ts";
import { recordedOptions } from "../run/recorded_options.ts";
import { resume } from "../run/resume.ts";
import type { Configuration } from "./plan.ts";
import type { RunResult } from "./results.ts";
import type { Job } from "./runner.ts";

/**
 * Identity of a configuration: a hash of all its result depends on, which is its options with their defaults, its recipe,
 * the images, and the version of the protocol that evaluates it. Where it runs and how often it is saved does not count.
 */
export async function identityOf(
  { given, recipe: { name: _, ...recipe }, baselines }: Configuration,
  { fingerprint, version = PROTOCOL_VERSION }: { fingerprint: string; version?: number },
): Promise<string> {
  const resolved = resolveOptions(given, { recipe: { name: "given in full", ...recipe } });
  const { recipe: __, ...options } = {
    ...earlierOptions(recordedOptions(resolved)),
    // As in the identities of the results in docs/results, which other texts would change.
    predictor: resolved.predictor ? "on" : "off",
    larsClip: resolved.larsClip ? "on" : "off",
  };
  const sorted = Object.fromEntries(Object.entries(options).sort(([a], [b]) => a < b ? -1 : 1));
  const protocol = { version, neighbours: DEFAULT_KS };
  const text = JSON.stringify([sorted, recipe, baselines, fingerprint, protocol]);
  const digest = new Uint8Array(
    await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)),
  );
  return digest.toHex().slice(0, 12);
}

/**
 * The options that runs had when the first results were kept. In those that came later, runs of experiments have the values
 * that all runs had before.
 */
function earlierOptions(
  { order: _, split: __, label: ___, minSide: ____, stretch: _____, init: ______, ...earlier }: Partial<
    ResolvedOptions
  >,
): Partial<ResolvedOptions> {
  return earlier;
}

/** Where runs go, how they report, and what does their work. */
export interface RunHooks {
  /** Folder for the folders of the runs. */
  folder: string;
  signal?: AbortSignal;
  /** Receives the lines of training and evaluation. Default: they are dropped. */
  log?: (line: string) => void;
  pretrain?: typeof pretrain;
  resume?: typeof resume;
  evaluate?: typeof evaluate;
}

/** The folder of run `id`. */
export function runFolder(folder: string, id: string): string {
  return join(folder, id);
}

/**
 * Trains and evaluates `job`, or goes on where it was interrupted. Its time is the sum of all parts, except one that was
 * killed.
 *
 * @returns its result, or null if it was interrupted.
 */
export async function runConfiguration(job: Job, hooks: RunHooks): Promise<RunResult | null> {
  const begin = performance.now(), { folder } = hooks, path = join(folder, `${job.id}.seconds.json`);
  await Deno.mkdir(folder, { recursive: true });
  const isBegun = await exists(join(runFolder(folder, job.id), "config.json"));
  const before = isBegun && await exists(path) ? Number(await Deno.readTextFile(path)) : 0;
  const seconds = () => before + (performance.now() - begin) / 1000;
  let result: Omit<RunResult, "seconds"> | null = null;
  try {
    result = await trainAndEvaluate(job, { ...hooks, isBegun });
  } finally {
    if (!result) await writeJson(path, seconds());
  }
  if (!result) return null;
  if (before) await Deno.remove(path);
  return { ...result, seconds: seconds() };
}

async function trainAndEvaluate(
  { id, configuration: { given, recipe, baselines } }: Job,
  { folder, isBegun, signal, log = () => {}, ...work }: RunHooks & { isBegun: boolean },
): Promise<Omit<RunResult, "seconds"> | null> {
  const out = runFolder(folder, id), recipePath = join(folder, `${id}.recipe.json`);
  await writeJson(recipePath, recipe);
  const options = { ...given, recipe: recipePath, keep: 1, evalEvery: 0, signal, log };
  const { summary } = isBegun
    ? await (work.resume ?? resume)(out, { ...options, out: undefined })
    : await (work.pretrain ?? pretrain)({ ...options, out });
  if (!summary) return null;
  let report: EvaluationReport;
  try {
    report = await (work.evaluate ?? evaluate)({ run: out, baselines, draw: drawConfusion, log, signal });
  } catch (error) {
    if (signal?.aborted) return null;
    throw error;
  }
  const last = await lastRecord(out);
  return {
    id,
    given: { ...given },
    recipe,
    scores: report.rows.map(({ name, knn, linear, rankme }) => ({
      name,
      knn,
      linear: linear && linear.top1,
      rankme,
    })),
    final_loss: summary.finalLoss,
    z_std: last.zStd,
    projection: resolveOptions(given, { recipe }).projection,
    collapse: summary.collapse?.evidence ?? null,
    protocol: report.settings.protocol,
    adapter: report.settings.adapter,
    deno: Deno.version.deno,
    date: new Date().toISOString(),
  };
}

/** Removes the checkpoints of the run `id`, which has its result: they would fill the disk. The encoder stays, for maps. */
export async function removeCheckpoints(folder: string, id: string): Promise<void> {
  await Deno.remove(join(runFolder(folder, id), "checkpoints"), { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

async function lastRecord(out: string): Promise<StepRecord> {
  return (await readMetrics<StepRecord>(join(out, "metrics.jsonl"))).at(-1)!;
}

/** The files of {@linkcode drawMaps}, with their captions. */
export const MAPS = {
  "map_umap_untrained.svg": "The untrained encoder, UMAP",
  "map_umap.svg": "The encoder trained by BYOL, UMAP",
  "map_pca_untrained.svg": "The untrained encoder, principal components",
  "map_pca.svg": "The encoder trained by BYOL, principal components",
} as const;

/** Draws maps of the held-out features of the run in the folder `run`, untrained and trained, into the folder `to`. */
export async function drawMaps(
  { run, to }: { run: string; to: string },
  { log = () => {}, signal, ...work }: Omit<RunHooks, "folder">,
): Promise<void> {
  const names = Object.keys(MAPS), found = await Promise.all(names.map((name) => exists(join(to, name))));
  if (!found.includes(false)) return;
  // In a folder of its own, so that it does not replace the run's evaluation, which has more in it.
  const out = join(run, "maps");
  const options = { run, out, probeViews: "none", draw: drawEvaluation, log, signal } as const;
  await (work.evaluate ?? evaluate)(options);
  await Deno.mkdir(to, { recursive: true });
  for (const name of names) await writeFileAtomic(join(to, name), [await Deno.readFile(join(out, name))]);
}

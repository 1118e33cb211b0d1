/**
 * One run of an experiment: trained, evaluated, and what it came to.
 *
 * @module
 */
import { join } from "node:path";
import { resolveOptions } from "../config/resolve_options.ts";
import { evaluate } from "../eval/protocol.ts";
import type { EvaluationReport } from "../eval/types.ts";
import { KS } from "../eval/choices.ts";
import type { Configuration } from "./plan.ts";
import type { RunResult } from "./results.ts";
import type { Job } from "./runner.ts";
import { writeFileAtomic } from "../io/atomic.ts";
import { writeJson } from "../io/json_file.ts";
import { pretrain } from "../run/pretrain.ts";
import type { StepRecord } from "../config/callbacks.ts";
import { readMetrics } from "../io/metrics.ts";
import { recordedOptions } from "../run/recorded_options.ts";
import { resume } from "../run/resume.ts";

/** How a run is told apart from others, and what its evaluation is. Change it when results are no longer comparable. */
const PROTOCOL = { version: 1, neighbours: KS };

/**
 * What tells a configuration from others: a hash of all that its result depends on, its options with their defaults, its
 * recipe, and the images. Where it runs and how often it is saved does not count.
 */
export async function identityOf(
  { given, recipe: { name: _, ...recipe }, baselines }: Configuration,
  { fingerprint }: { fingerprint: string },
): Promise<string> {
  const resolved = resolveOptions(given, { recipe: { name: "given in full", ...recipe } });
  const { recipe: __, ...options } = {
    ...recordedOptions(resolved),
    // As when the first results were kept: another text would give them other identities.
    predictor: resolved.predictor ? "on" : "off",
    larsClip: resolved.larsClip ? "on" : "off",
  };
  const sorted = Object.fromEntries(Object.entries(options).sort(([a], [b]) => a < b ? -1 : 1));
  const text = JSON.stringify([sorted, recipe, baselines, fingerprint, PROTOCOL]);
  const digest = new Uint8Array(
    await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)),
  );
  return digest.toHex().slice(0, 12);
}

/** How a run is accompanied, and what does its work. */
export interface RunHooks {
  /** Holds the folders of the runs. */
  folder: string;
  signal?: AbortSignal;
  /** Receives what training and evaluation have to say; by default nobody does. */
  print?: (line: string) => void;
  pretrain?: typeof pretrain;
  resume?: typeof resume;
  evaluate?: typeof evaluate;
}

/** The folder of run `id`. */
export function runFolder(folder: string, id: string): string {
  return join(folder, id);
}

/**
 * Trains and evaluates `job`, or goes on with it where it was left. Its time is that of all its parts, but of one that was
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
  { folder, isBegun, signal, print = () => {}, ...work }: RunHooks & { isBegun: boolean },
): Promise<Omit<RunResult, "seconds"> | null> {
  const out = runFolder(folder, id), recipePath = join(folder, `${id}.recipe.json`);
  await writeJson(recipePath, recipe);
  const options = { ...given, recipe: recipePath, keep: 1, signal, log: print };
  const outcome = isBegun
    ? await (work.resume ?? resume)(out, { ...options, out: undefined })
    : await (work.pretrain ?? pretrain)({ ...options, out });
  if (!outcome.summary) return null;
  let report: EvaluationReport;
  try {
    const asked = { run: out, baselines };
    report = await (work.evaluate ?? evaluate)(asked, { print, signal });
  } catch (error) {
    if (signal?.aborted) return null;
    throw error;
  }
  const last = await lastRecord(out);
  return {
    id,
    given: { ...given },
    recipe,
    worth: report.rows.map(({ name, knn, linear, rankme }) => ({
      name,
      knn,
      linear: linear && linear.top1,
      rankme,
    })),
    final_loss: outcome.summary.finalLoss,
    z_std: last.zStd,
    projection: resolveOptions(given, { recipe }).projection,
    collapse: collapseOf(outcome.summary),
    adapter: report.settings.adapter,
    deno: Deno.version.deno,
    date: new Date().toISOString(),
  };
}

/** Removes what only training needs of the run `id`, whose result is kept: it would fill the disk. The encoder stays, for maps. */
export async function removeCheckpoints(folder: string, id: string): Promise<void> {
  await Deno.remove(join(runFolder(folder, id), "checkpoints"), { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

async function lastRecord(out: string): Promise<StepRecord> {
  return (await readMetrics<StepRecord>(join(out, "metrics.jsonl"))).at(-1)!;
}

/** Why a run counts as collapsed; null if it does not. */
function collapseOf({ collapse }: { collapse?: { evidence: string } | null }): string | null {
  return collapse?.evidence ?? null;
}

/** The files of {@linkcode drawMaps}, each with its caption. */
export const MAPS = {
  "map_umap_untrained.svg": "The untrained encoder, UMAP",
  "map_umap.svg": "The encoder trained by BYOL, UMAP",
  "map_pca_untrained.svg": "The untrained encoder, principal components",
  "map_pca.svg": "The encoder trained by BYOL, principal components",
} as const;

/** Draws maps of the held-out features of the run in the folder `run`, untrained and trained, into the folder `to`. */
export async function drawMaps(
  { run, to }: { run: string; to: string },
  { print = () => {}, signal, ...work }: Omit<RunHooks, "folder">,
): Promise<void> {
  const names = Object.keys(MAPS), there = await Promise.all(names.map((name) => exists(join(to, name))));
  if (!there.includes(false)) return;
  // In a folder of their own: the run's evaluation has more in it than this one.
  const out = join(run, "maps"),
    asked = { run, out, map: true, probeViews: "none", baselines: true } as const;
  await (work.evaluate ?? evaluate)(asked, { print, signal });
  await Deno.mkdir(to, { recursive: true });
  for (const name of names) await writeFileAtomic(join(to, name), [await Deno.readFile(join(out, name))]);
}

/**
 * The run that `--resume` means.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { openSource } from "../../data/sources/open.ts";
import type { OpenOptions } from "../../data/sources/open_options.ts";
import { UserError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import { isImageSource } from "../config/check_options.ts";
import type { RunFacts } from "../config/preset_fields.ts";
import type { PretrainOptions, PretrainSettings } from "../config/pretrain_options.ts";
import { resolveOptions } from "../config/resolve_options.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";
import { latestStep } from "../io/checkpoint.ts";
import { FolderInUseError, lockFolder } from "../io/folder_lock.ts";
import { changedOption, settingsOf } from "./resumed_run.ts";
import { readConfig } from "./run_config.ts";

/** A run that was found. */
interface Found {
  folder: string;
  options: ResolvedOptions;
  facts: Partial<RunFacts>;
  /** Of its last checkpoint. */
  step: number;
  isFinished: boolean;
  /** When something was last written to it. */
  time: number;
}

/**
 * The folder of the run to continue: `out` if it is given. Otherwise, of the runs beside the default folder, the one on
 * these images that was last written to and has not finished, or the last that has.
 *
 * @throws {UserError} if there is none, with the runs that there are.
 */
export async function findRun(
  given: PretrainOptions,
  { signal }: { signal?: AbortSignal } = {},
): Promise<string> {
  const settings = await settingsOf(given), { data = "shapes", out } = settings;
  if (out !== undefined) return out;
  const folder = dirname(resolveOptions({ data }).out);
  const found = await runsIn(folder);
  if (found.length === 0) {
    throw new UserError(
      `Cannot resume a run: there is none in "${folder}". Leave out --resume to start one, or name its folder: --out DIR.`,
    );
  }
  const { name, fingerprint } = await imagesOf(data, {
    split: settings.split,
    label: settings.label,
    signal,
  });
  const same = found.filter(({ facts }) => facts.fingerprint === fingerprint);
  if (same.length === 0) {
    throw new UserError(
      `Cannot resume a run on ${name}: none in "${folder}" is on these images. There are ${
        found.map(described).join(", ")
      }. Name the folder of the one to continue: --out DIR.`,
    );
  }
  return (await chosen(same, settings)).folder;
}

/** The runs in the folders in `folder`, the last written first. */
async function runsIn(folder: string): Promise<Found[]> {
  if (!await exists(folder)) return [];
  const found: Found[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (!isDirectory) continue;
    const run = await runIn(join(folder, name)).catch(() => null); // it is not of this program, or not readable
    if (run) found.push(run);
  }
  return found.sort((a, b) => b.time - a.time || (a.folder < b.folder ? 1 : -1));
}

async function runIn(folder: string): Promise<Found> {
  const { options, facts } = await readConfig(folder);
  const times = await Promise.all(
    ["config.json", "metrics.jsonl", "checkpoints"].map((name) =>
      Deno.stat(join(folder, name)).then(({ mtime }) => mtime?.getTime() ?? 0, () => 0)
    ),
  );
  return {
    folder,
    options,
    facts,
    step: await latestStep(folder) ?? 0,
    isFinished: await exists(join(folder, "summary.json")),
    time: Math.max(...times),
  };
}

/** The name and the fingerprint of `data`. */
async function imagesOf(
  data: NonNullable<PretrainSettings["data"]>,
  options: OpenOptions,
): Promise<{ name: string; fingerprint: string }> {
  if (isImageSource(data)) return data;
  const source = await openSource(data, options);
  source.close();
  return source;
}

/** Of runs on the same images, the last written first, the one that `given` means. */
async function chosen(runs: readonly Found[], given: PretrainSettings): Promise<Found> {
  const { recipe: _, data: __, ...options } = given;
  const unfinished = runs.filter(({ isFinished }) => !isFinished);
  const candidates = unfinished.length > 0 ? unfinished : runs;
  const alike = candidates.filter((run) => changedOption(run.options, options) === null);
  for (const run of alike) {
    if (await isFree(run.folder)) return run;
  }
  return alike[0] ?? candidates[0]; // resuming it says what is in the way
}

/** Whether no process writes to the run in `folder`. */
async function isFree(folder: string): Promise<boolean> {
  try {
    await (await lockFolder(folder))[Symbol.asyncDispose]();
    return true;
  } catch (error) {
    return !(error instanceof FolderInUseError);
  }
}

/** A run in a few words. */
function described({ folder, options: { data }, facts: { totalSteps }, step, isFinished }: Found): string {
  const images = data === null ? "a source of a program" : [data].flat().join(" + ");
  const progress = isFinished ? "finished" : `step ${step}${totalSteps ? ` of ${totalSteps}` : ""}`;
  return `${folder} (${progress}, on ${images})`;
}

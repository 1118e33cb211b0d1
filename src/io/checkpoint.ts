/**
 * Checkpoints of a run: `checkpoints/step-000060.safetensors` in the run's folder.
 *
 * @module
 */

import { join } from "node:path";
import { UserError } from "../base/errors.ts";
import { fileError } from "./file_error.ts";
import { readSafetensors, type TensorEntry, writeSafetensors } from "./safetensors.ts";

const fileName = /^step-(\d{6,})\.safetensors$/;

/** The state of a run after `step` steps. */
export interface Checkpoint {
  step: number;
  /** The tensors by name, such as a `Map`. */
  tensors: Iterable<readonly [name: string, tensor: TensorEntry]>;
  /** JSON values: configuration, epoch, position, seeds. */
  metadata: Readonly<Record<string, unknown>>;
}

/** A {@linkcode Checkpoint} as it was read. */
export interface LoadedCheckpoint extends Checkpoint {
  tensors: Map<string, TensorEntry>;
}

/** The folder with the checkpoints of the run in `out`. */
export function checkpointFolder(out: string): string {
  return join(out, "checkpoints");
}

/** The file of the checkpoint after `step` steps of the run in `out`. */
export function checkpointPath(out: string, step: number): string {
  return join(checkpointFolder(out), `step-${String(step).padStart(6, "0")}.safetensors`);
}

/** The steps of the run in `out` that have a checkpoint, ascending. */
async function checkpointSteps(out: string): Promise<number[]> {
  const steps: number[] = [];
  try {
    for await (const { name } of Deno.readDir(checkpointFolder(out))) {
      const match = fileName.exec(name);
      if (match) steps.push(Number(match[1]));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return steps.sort((a, b) => a - b);
}

/**
 * Writes `checkpoint` for the run in `out`, whole or not at all, and then removes all but the latest `keep` up to this
 * one.
 *
 * @returns the path of the file.
 * @throws {MachineError} if the disk is full or fails; the older checkpoints are then unchanged.
 */
export async function saveCheckpoint(
  out: string,
  checkpoint: Checkpoint,
  { keep }: { keep: number },
): Promise<string> {
  if (!(keep >= 1)) {
    throw new RangeError(`Cannot keep ${keep} checkpoints: at least 1 must stay.`);
  }
  const { step, tensors, metadata } = checkpoint;
  const path = checkpointPath(out, step);
  const values = Object.entries({ ...metadata, step }).map(([name, value]) => [name, JSON.stringify(value)]);
  try {
    await Deno.mkdir(checkpointFolder(out), { recursive: true });
  } catch (error) {
    throw fileError(path, error);
  }
  await writeSafetensors(path, { tensors, metadata: Object.fromEntries(values) });

  // Later ones belong to a run that was continued from an earlier checkpoint: they stay.
  const steps = (await checkpointSteps(out)).filter((other) => other <= step);
  for (const old of steps.slice(0, -keep)) await Deno.remove(checkpointPath(out, old));
  return path;
}

/** The step of the latest checkpoint of the run in `out`, or null if it has none. */
export async function latestStep(out: string): Promise<number | null> {
  return (await checkpointSteps(out)).at(-1) ?? null;
}

/** The path of the latest checkpoint of the run in `out`, or null if it has none. */
export async function latestCheckpoint(out: string): Promise<string | null> {
  const step = await latestStep(out);
  return step === null ? null : checkpointPath(out, step);
}

/**
 * Reads the checkpoint `path`.
 *
 * @throws {UserError} if it cannot be read, is damaged or is no checkpoint.
 */
export async function loadCheckpoint(path: string): Promise<LoadedCheckpoint> {
  const { tensors, metadata: texts } = await readSafetensors(path);
  const metadata: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(texts)) {
    try {
      metadata[name] = JSON.parse(text);
    } catch {
      throw new UserError(
        `Cannot resume from "${path}": its metadata must be JSON, and ${name} is ${text.slice(0, 40)}.`,
      );
    }
  }
  const { step } = metadata;
  if (typeof step !== "number" || !Number.isSafeInteger(step) || step < 0) {
    throw new UserError(
      `Cannot resume from "${path}": the step in its metadata is ${
        texts.step ?? "missing"
      }. Resume from a file in a ` +
        `run's folder checkpoints.`,
    );
  }
  return { step, tensors, metadata };
}

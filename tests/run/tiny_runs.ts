/** Small runs for tests, and what they leave. */
import { join } from "node:path";
import type { PretrainOptions } from "../../src/config/pretrain_options.ts";

/** A run of 14 steps, six per epoch, that takes two seconds on a CPU. Few tests need kernels that were timed. */
export const tiny = {
  data: "shapes:120",
  limit: 100,
  holdout: 20,
  backbone: "resnet8",
  size: 8,
  hidden: 16,
  projection: 8,
  batch: 16,
  steps: 14,
  checkpointEvery: 5,
  logEvery: 2,
  workers: 2,
  kernels: "default",
} as const satisfies PretrainOptions;

/** Drops the lines of a run. */
export const quiet = { log() {} };

// Kernels timed beside other tests are not for the developer's own runs.
Deno.env.set("BYOL_CACHE", await Deno.makeTempDir({ prefix: "byol cache " }));

/** Calls `test` with a folder that is removed afterwards. */
export async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The checkpoint of the run in `out` after `step` steps. */
export function checkpointOf(out: string, step = 14): string {
  return join(out, "checkpoints", `step-${String(step).padStart(6, "0")}.safetensors`);
}

/** The names of the checkpoints of the run in `out`, sorted. */
export function checkpointNames(out: string): string[] {
  return Array.from(Deno.readDirSync(join(out, "checkpoints")), ({ name }) => name).sort();
}

/** The SHA-256 digest of a file. */
export async function digestOf(path: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(path));
  return new Uint8Array(digest).toHex();
}

/** The lines of evaluations.jsonl. */
export async function evaluationLines(out: string): Promise<string[]> {
  return (await Deno.readTextFile(join(out, "evaluations.jsonl"))).trimEnd().split("\n");
}

/** A small run, which the tests of a file share. */
import { join } from "node:path";
import { evaluate } from "../../src/eval/protocol.ts";
import type { EvaluateOptions, EvaluationReport } from "../../src/eval/types.ts";
import { pretrain } from "../../src/run/pretrain.ts";

Deno.env.set("BYOL_CACHE", await Deno.makeTempDir({ prefix: "byol cache " }));
const quiet = { log() {} };
export const folder = await Deno.makeTempDir(), run = join(folder, "run");
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

let trained: Promise<number> | undefined;

/** Trains the run of two steps once; returns the kNN accuracy before the first. */
export function knnOfRun(): Promise<number> {
  return trained ??= pretrain({
    data: "shapes:160",
    limit: 120,
    holdout: 40,
    size: 16,
    hidden: 16,
    projection: 8,
    batch: 16,
    steps: 2,
    kernels: "default",
    out: run,
    ...quiet,
  }).then(({ summary }) => summary!.knn!.untrained);
}

/** Evaluates after the run was trained, quietly, by few epochs. */
export async function evaluated(options: EvaluateOptions): Promise<EvaluationReport> {
  await knnOfRun();
  return await evaluate({ kernels: "default", probeEpochs: 10, log() {}, ...options });
}

/** Whether the host keeps a GPU busy: a whole run on a GPU that takes 100 ms a step and holds whoever asks it. */
import { pretrain } from "../src/run/pretrain.ts";
import { slowGpu } from "../tests/gpu/slow_gpu.ts";
import { printTable } from "./table.ts";

const STEP_MS = 100, STEPS = 120, BATCH = 8;

/** Trains a small network on images that Workers draw and decode, and tells how long the slow GPU idled. */
export async function benchHost(): Promise<void> {
  console.log(`A run of ${STEPS} steps on a GPU that takes ${STEP_MS} ms a step and holds whoever asks it\n`);
  const row = printTable([
    "steps/s",
    "of the device's",
    "waits a step",
    "held, ms a step",
    "told images/s",
    "told data wait",
  ]);
  const out = await Deno.makeTempDir();
  try {
    using slow = slowGpu(STEP_MS);
    await pretrain({
      data: "shapes:2000",
      holdout: 0,
      backbone: "resnet8",
      size: 16,
      hidden: 16,
      projection: 8,
      batch: BATCH,
      steps: STEPS,
      workers: 1,
      kernels: "default",
      checkpointEvery: 1000,
      out: `${out}/run`,
      log() {},
    });
    const { elapsedMs, asked, read, heldMs, steps } = slow;
    const lines = (await Deno.readTextFile(`${out}/run/metrics.jsonl`)).trimEnd().split("\n").map((line) =>
      JSON.parse(line)
    );
    const mean = (key: string) => lines.reduce((sum, line) => sum + line[key], 0) / lines.length;
    row(
      (1000 * steps / elapsedMs).toFixed(2),
      `${(100 * steps * STEP_MS / elapsedMs).toFixed(1)} %`,
      ((asked + read) / steps).toFixed(3),
      (heldMs / steps).toFixed(1),
      mean("images_per_second").toFixed(1),
      `${(100 * mean("data_wait")).toFixed(1)} %`,
    );
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}

/**
 * Pre-training that starts from weights (`--init`) beside training from scratch and the untouched weights:
 *
 *     deno task bench continued FIRST SECOND OUT [row seed…]
 *
 * An encoder is trained on images of FIRST, and continued on images of SECOND with new heads, by several seeds. Runs that are
 * in the folder OUT already are not repeated; with `row seed…` only that row is run, so that several processes can share the
 * work. Prints the table of what is there, for docs/weights.md.
 */
import { join } from "node:path";
import { UserError } from "../src/base/errors.ts";
import { exists } from "../src/base/files.ts";
import type { PretrainSettings } from "../src/config/pretrain_options.ts";
import { evaluate } from "../src/eval/protocol.ts";
import { estimateText } from "../src/experiments/figures.ts";
import { estimate } from "../src/experiments/statistics.ts";
import type { Gpu } from "../src/gpu/device.ts";
import { pretrain } from "../src/run/pretrain.ts";
import { printTable } from "./table.ts";

/** The network and the machine, for all runs. */
const common = {
  backbone: "resnet8",
  size: 24,
  hidden: 512,
  projection: 128,
  batch: 64,
  order: "source",
  kernels: "default",
  workers: 1,
} as const;

/** The encoder to start from: settings as in the experiments on CIFAR-10. */
const first: PretrainSettings = { limit: 9000, holdout: 0, epochs: 2, optimizer: "sgd", lr: .15, tau: .95 };

/** The runs on the other half. */
const second: PretrainSettings = { limit: 2000, holdout: 2000, epochs: 3 };

/** A row of the table: its options, the seeds it has by default, and whether it starts from weights. */
interface Row {
  options: PretrainSettings;
  seeds: readonly number[];
  scratch?: true;
}

const sgd = (baseLr: number, others: PretrainSettings = {}): PretrainSettings => ({
  ...{ optimizer: "sgd", baseLr, tau: .99, warmup: .1 },
  ...others,
});

/** By name. All options are given, so that the table stays what it was when defaults change. */
const rows: Record<string, Row> = {
  "scratch 0.6 τ 0.95": { options: sgd(.6, { tau: .95 }), seeds: [0, 1, 2], scratch: true },
  "0.12": { options: sgd(.12), seeds: [0, 1, 2] },
  "0.12 no warm-up": { options: sgd(.12, { warmup: 0 }), seeds: [0] },
  "0.12 τ 0.996": { options: sgd(.12, { tau: .996 }), seeds: [0] },
  "0.012": { options: sgd(.012), seeds: [0] },
  "0.036": { options: sgd(.036), seeds: [0] },
  "0.6": { options: sgd(.6), seeds: [0, 1, 2] },
  "0.6 no warm-up": { options: sgd(.6, { warmup: 0 }), seeds: [0] },
};

/** `deno task bench continued`: prints a table. */
export async function benchContinued(_gpu: Gpu, [from, to, out, name, ...seeds]: string[]): Promise<void> {
  if (out === undefined || name !== undefined && !Object.hasOwn(rows, name)) {
    throw new UserError(
      `Cannot compare without data and a folder, or a row that is not there. Give two sources and a folder, then one of ` +
        `${Object.keys(rows).map((row) => `"${row}"`).join(", ")} and seeds: continued FIRST SECOND OUT.`,
    );
  }
  for (const [row, { options, seeds: own, scratch }] of Object.entries(rows)) {
    if (name !== undefined && row !== name) continue;
    for (const seed of name === undefined ? own : seeds.map(Number)) {
      const start = join(out, "initial"), run = folderOf(out, { row, seed });
      if (!scratch) await train(start, { ...first, data: from });
      const init = scratch ? undefined : join(start, "encoder.safetensors");
      await train(run, { ...second, ...options, data: to, seed, init });
      if (await exists(join(run, "evaluation.json"))) continue;
      // The weights as they were, raw pixels and an untrained encoder are the same for all rows of a seed.
      await evaluate({ run, baselines: row === BASELINES, log: console.log });
    }
  }
  await report(out);
}

/** The row whose runs are evaluated with baselines. */
const BASELINES = "0.12";

const folderOf = (out: string, { row, seed }: { row: string; seed: number }) =>
  join(out, `${row.replaceAll(" ", "-")}-${seed}`);

/** Trains a run, unless it is done. */
async function train(out: string, options: PretrainSettings): Promise<void> {
  if (await exists(join(out, "encoder.safetensors"))) return;
  await pretrain({ ...common, ...options, out });
}

/** Prints a line for each row, with means over the seeds that are there. */
async function report(out: string): Promise<void> {
  const line = printTable(["", "seeds", "kNN, %", "linear, %"]);
  const print = async (row: string, { label, name }: { label: string; name: string }) => {
    const found = [];
    for (let seed = 0; seed < 10; seed++) {
      const path = join(folderOf(out, { row, seed }), "evaluation.json");
      if (!await exists(path)) continue;
      const scores = JSON.parse(await Deno.readTextFile(path)).rows;
      found.push(...scores.filter((score: { name: string }) => score.name === name));
    }
    const knn = estimate(found.map((score) => 100 * score.knn[20]));
    line(
      label,
      found.length,
      estimateText(knn),
      estimateText(estimate(found.map((s) => 100 * s.linear.top1))),
    );
  };
  for (const name of ["raw pixels", "untrained", "initial"]) await print(BASELINES, { label: name, name });
  for (const row of Object.keys(rows)) await print(row, { label: row, name: "trained" });
}

/**
 * What the verdict on a run tells of kNN: runs that learn, on few images, at too high a rate, and without a predictor.
 *
 *     deno task bench verdict OUT [SOURCE]…
 *
 * Sources are `shapes:2000` and those given, with labels. Runs that are in the folder OUT already are not repeated. Prints
 * tables as those of docs/verdict.md, but with kNN and an epoch of 640 images as runs themselves evaluate.
 */
import { join } from "node:path";
import { UserError } from "../src/base/errors.ts";
import { exists } from "../src/base/files.ts";
import type { EvaluationRecord, StepRecord } from "../src/config/callbacks.ts";
import type { PretrainSettings } from "../src/config/pretrain_options.ts";
import type { Gpu } from "../src/gpu/device.ts";
import { readMetrics } from "../src/io/metrics.ts";
import { pretrain } from "../src/run/pretrain.ts";
import { spearman } from "./spearman.ts";
import { printTable } from "./table.ts";

/** The network and the machine, for all runs. An epoch has 20 steps. */
const common: PretrainSettings = {
  ...{
    backbone: "resnet8",
    size: 16,
    hidden: 128,
    projection: 64,
    batch: 32,
    kernels: "default",
    workers: 1,
  },
  ...{ optimizer: "sgd", lr: .15, tau: .95, limit: 640, holdout: 1000, evalEvery: 1, steps: 320 },
  ...{ cache: "memory", checkpointEvery: 1000 },
};

/** By name. */
const variants: Record<string, PretrainSettings> = {
  "seed 1": { seed: 1 },
  "seed 2": { seed: 2 },
  "seed 3": { seed: 3 },
  "64 images": { limit: 64, evalEvery: 10 },
  "rate 2.0": { lr: 2, steps: 160 },
  "no predictor": { predictor: false, steps: 160 },
};

/** An evaluation with the mean loss since the one before. */
type Evaluated = EvaluationRecord & { loss: number | null };

/** A run that is done. */
interface DoneRun {
  name: string;
  evaluations: Evaluated[];
  /** How much better kNN is than before training. */
  gain: number;
}

/** What might tell of kNN. */
const signals: Record<string, (evaluation: Evaluated) => number | null> = {
  "effective rank of the features (RankMe)": ({ rankme }) => rankme,
  "effective rank of the projections": ({ rankmeProjections }) => rankmeProjections,
  "`z_std` of the projections": ({ zStd }) => zStd,
  "neighbor stability": ({ neighborStability }) => neighborStability,
  "loss": ({ loss }) => loss,
};

/** `args`: the folder of the runs, then sources. */
export async function benchVerdict(_: Gpu, [out, ...sources]: string[]): Promise<void> {
  if (out === undefined) {
    throw new UserError("Cannot train without a folder for the runs. Name one: verdict OUT [SOURCE]….");
  }
  const runs: DoneRun[] = [];
  for (const [s, data] of ["shapes:2000", ...sources].entries()) {
    for (const [variant, options] of Object.entries(variants)) {
      const folder = join(out, `${s} ${variant}`.replaceAll(" ", "-"));
      if (!await exists(join(folder, "summary.json"))) {
        await pretrain({ ...common, ...options, data, out: folder });
      }
      runs.push(await readRun(folder, s === 0 ? `shapes, ${variant}` : `source ${s}, ${variant}`));
    }
  }
  console.log();
  printPhases(runs);
  console.log();
  printCorrelations(runs);
  console.log();
  printChanges(runs);
}

async function readRun(folder: string, name: string): Promise<DoneRun> {
  const steps = await readMetrics<StepRecord>(join(folder, "metrics.jsonl"));
  const records = await readMetrics<EvaluationRecord>(join(folder, "evaluations.jsonl"));
  const { knn } = JSON.parse(await Deno.readTextFile(join(folder, "summary.json")));
  const evaluations = records.map((record, i) => {
    const since = steps.filter(({ step }) => step > (records[i - 1]?.step ?? 0) && step <= record.step);
    return { ...record, loss: mean(since.map(({ loss }) => loss)) };
  });
  return { name, evaluations, gain: knn.trained - knn.untrained };
}

/** What the verdict was, one after the other, and kNN at the first and the last evaluation of each. */
function printPhases(runs: readonly DoneRun[]): void {
  const row = printTable(["run", "gain in kNN", "kNN of the phases that the verdict names"]);
  for (const { name, evaluations, gain } of runs) {
    const phases: Evaluated[][] = [];
    for (const evaluation of evaluations) {
      if (phases.at(-1)?.[0].verdict === evaluation.verdict) phases.at(-1)!.push(evaluation);
      else phases.push([evaluation]);
    }
    const texts = phases.filter(([{ verdict }]) => verdict).map((phase) =>
      `${phase[0].verdict} ${
        [...new Set([phase[0], phase.at(-1)!])].map(({ knn }) => knn!.toFixed(3)).join(" → ")
      }`
    );
    row(name, signed(gain), texts.join(", "));
  }
}

/** How each signal goes with kNN within runs, and its last value with the gain over all of them. */
function printCorrelations(runs: readonly DoneRun[]): void {
  const row = printTable(["signal", "median", "from … to", "more frequent sign", "last values"]);
  for (const [name, of] of Object.entries(signals)) {
    const within = runs.map(({ evaluations }) =>
      spearman(evaluations.map((evaluation) => [of(evaluation), evaluation.knn]))
    ).filter((value) => value !== null).sort((a, b) => a - b);
    const positive = within.filter((value) => value > 0).length;
    const last = spearman(runs.map(({ evaluations, gain }) => [of(evaluations.at(-1)!), gain]));
    row(
      name,
      within[within.length >> 1]?.toFixed(2) ?? "",
      within.length > 0 ? `${within[0].toFixed(2)} … ${within.at(-1)!.toFixed(2)}` : "",
      `${Math.max(positive, within.length - positive)} of ${within.length}`,
      last?.toFixed(2) ?? "",
    );
  }
}

/** How much kNN changes from one evaluation to the next, by the neighbors that stayed. */
function printChanges(runs: readonly DoneRun[]): void {
  const pairs = runs.flatMap(({ evaluations }) =>
    evaluations.slice(1).map(({ neighborStability, knn }, i) => (
      { kept: neighborStability, change: knn! - evaluations[i].knn! }
    ))
  ).filter((pair): pair is { kept: number; change: number } => pair.kept !== null);
  const row = printTable(["neighbors that stayed", "pairs", "mean change of kNN", "mean size of the change"]);
  for (const [low, high] of [[0, .4], [.4, .6], [.6, .85], [.85, Infinity]]) {
    const within = pairs.filter(({ kept }) => kept >= low && kept < high).map(({ change }) => change);
    const size = mean(within.map(Math.abs));
    row(
      high > 1 ? "85 % and more" : `${100 * low} … ${100 * high} %`,
      within.length,
      signed(mean(within) ?? 0),
      size?.toFixed(3) ?? "",
    );
  }
  const all = spearman(pairs.map(({ kept, change }) => [kept, Math.abs(change)]));
  console.log(`\nSpearman of both over ${pairs.length} pairs: ${all?.toFixed(2)}`);
}

const signed = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

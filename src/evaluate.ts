/**
 * Evaluation: what the features of an encoder are worth, beside raw pixels and an encoder that has learnt nothing.
 *
 * @module
 */
import { expectEvaluateFlags, type GivenEvaluateFlags } from "./cli/evaluate_flags.ts";
import { UserError } from "./errors.ts";
import type { LabelledFeatures } from "./eval/features.ts";
import { knnClassify } from "./eval/knn.ts";
import { fitFeatures, linearProtocol, type LinearResult, rowsOf } from "./eval/linear.ts";
import { rankMe } from "./eval/spectrum.ts";
import { type EvaluatedEncoder, openEncoder, openRun } from "./evaluated_encoder.ts";
import { type EvaluationData, openEvaluationData } from "./evaluation_data.ts";
import { FeatureMakers, type RowName, rowNames, traceEncoder } from "./evaluation_features.ts";
import { writeEvaluation } from "./evaluation_files.ts";
import { evaluationTable } from "./evaluation_table.ts";
import { type Gpu, openGpu } from "./gpu/device.ts";
import type { Pick } from "./graph/target.ts";
import { type Decision, tune } from "./graph/tuner.ts";
import { openTuningCache } from "./io/tuning_cache.ts";
import { pinOf } from "./run_setup.ts";

/** What the features of one encoder, or the raw pixels, are worth. Accuracies are shares in 0 … 1. */
export interface EvaluationRow {
  name: RowName;
  /** Accuracy of kNN by the number of neighbours. */
  knn: Record<string, number>;
  /** The linear protocol, with the learning rate that was chosen; null if it was not asked for. */
  linear: { top1: number; top5: number | null; lr: number } | null;
  /** RankMe, the effective rank of the test samples' features; null for raw pixels. */
  rankme: number | null;
  /** Accuracy of each class, by the linear classifier, or else by kNN with the first k; null of a class without samples. */
  perClass?: (number | null)[];
  /** Of the same classifier: how many samples of the class of the row were taken for that of the column. */
  confusion?: number[][];
}

/** The content of evaluation.json. */
export interface EvaluationReport {
  rows: EvaluationRow[];
  /** The names of the classes. */
  classes: string[];
  /** Labelled samples that taught and that were asked about, and images that could not be used. */
  counts: { train: number; test: number; bad: number };
  /** How it was done. */
  settings: {
    encoder: string;
    backbone: string;
    size: number;
    train: string;
    test: string;
    temperature: number;
    probe_views: "cached" | "crop" | "none";
    probe_epochs: number;
    seed: number;
    adapter: string;
  };
  /** The files that were written. */
  paths: string[];
}

/** How an evaluation is accompanied. */
export interface EvaluateHooks {
  /** Receives what there is to say; by default it is printed. */
  print?: (line: string) => void;
  /** Ends the evaluation by its reason when aborted; then nothing is written. */
  signal?: AbortSignal;
}

/** The neighbours that are asked by default, and the T that the project reports. */
const KS = [20, 200], TEMPERATURE = 0.1;
/** Passes of the linear classifier over cached features. */
const PROBE_EPOCHS = { cached: 100, crop: 20, none: 0 };

/**
 * Evaluates an encoder by kNN and by a linear classifier, and writes evaluation.json and a picture of who is taken for
 * whom.
 *
 * @param given The options of `evaluate.ts` by name; what is left out has the default that `--help` tells.
 * @throws {UserError} on input that cannot be used; then nothing is written.
 * @throws {MachineError} if there is no adapter, or it refuses the memory, or the disk does.
 *
 * @example
 * ```ts
 * import { evaluate } from "./evaluate.ts";
 * import { pretrain } from "./pretrain.ts";
 *
 * const out = await Deno.makeTempDir(), print = () => {};
 * await pretrain({ data: "shapes:96", holdout: 32, batch: 16, steps: 2, out }, { print });
 * const { rows } = await evaluate({ run: out, k: 5, probeEpochs: 2 }, { print });
 * console.log(rows[2].name, rows[2].linear?.top1);
 * ```
 */
export async function evaluate(
  given: GivenEvaluateFlags,
  { print = console.log, signal }: EvaluateHooks = {},
): Promise<EvaluationReport> {
  expectEvaluateFlags(given);
  if (given.run === undefined && given.encoder === undefined) {
    throw new UserError("Cannot evaluate without an encoder: add --run DIR or --encoder FILE.");
  }
  const run = given.run === undefined ? null : await openRun(given.run);
  const encoder = await openEncoder(given, run);
  using data = await openEvaluationData(given, run);
  using gpu = await openGpu();
  const seed = given.seed ?? run?.options.seed ?? 0, views = given.probeViews ?? "cached";
  const epochs = given.probeEpochs ?? PROBE_EPOCHS[views], temperature = given.temperature ?? TEMPERATURE;
  const names = given.baselines === "no" ? ["trained" as const] : rowNames;
  const pick = await pickFor(gpu, { encoder, kernels: given.kernels, print });

  let bad = 0;
  const onBad = ({ key, reason }: { key: string; reason: string }) => {
    bad++;
    print(`Skipped ${key}: ${reason}.`);
  };
  using makers = new FeatureMakers(gpu, {
    encoder,
    rows: names,
    seed,
    workers: given.workers,
    pick,
    signal,
    onBad,
  });
  print(`Evaluating ${encoder.path} on ${data.test.source.name}, on ${gpu.name}`);
  const train = await makers.collect(data.train), test = await makers.collect(data.test);
  const { labels } = train.sets.get("trained")!, asked = test.sets.get("trained")!.labels;
  const classes = classesOf(data, [labels, asked]);
  const learnt = labelledRows(labels, data.train.source.name);
  const ks = neighbours(given, learnt.length);
  labelledRows(asked, data.test.source.name);

  const rows: EvaluationRow[] = [];
  for (const name of names) {
    const sets = { train: rowsOf(train.sets.get(name)!, learnt), test: test.sets.get(name)! };
    const knn = await knnClassify(gpu, { references: sets.train, queries: sets.test, ks, T: temperature });
    const options = { classes: classes.length, epochs, seed, signal };
    const linear = views === "none" ? null : await linearProtocol(gpu, {
      ...sets,
      seed,
      fit: (fit) => fitFeatures(gpu, { samples: sets.train, ...options, ...fit }),
    });
    rows.push({
      name,
      knn: Object.fromEntries(knn.map(({ accuracy }, i) => [ks[i], accuracy])),
      linear: linear && { top1: linear.top1, top5: linear.top5, lr: linear.lr },
      rankme: name === "raw pixels" ? null : rankMe(sets.test),
      ...confused((linear ?? knn[0]).predictions, { labels: asked, classes: classes.length }),
    });
  }

  const report: EvaluationReport = {
    rows,
    classes,
    counts: { train: learnt.length, test: asked.filter((label) => label >= 0).length, bad },
    settings: {
      encoder: encoder.path,
      backbone: encoder.backbone,
      size: encoder.size,
      train: data.train.source.name,
      test: data.test.source.name,
      temperature,
      probe_views: views,
      probe_epochs: epochs,
      seed,
      adapter: gpu.name,
    },
    paths: [],
  };
  await writeEvaluation(given.out ?? run?.out ?? "evaluation", report);
  print(evaluationTable(report));
  print(`Written: ${report.paths.join(", ")}`);
  return report;
}

/** How kernels are chosen for the encoder; what has to be timed for that is timed now, and remembered. */
async function pickFor(
  gpu: Gpu,
  { encoder, kernels = "auto", print }: {
    encoder: EvaluatedEncoder;
    kernels: GivenEvaluateFlags["kernels"];
    print: (line: string) => void;
  },
): Promise<Pick | undefined> {
  if (kernels !== "auto") return pinOf({ kernels }, gpu);
  const cache = await openTuningCache<Decision>();
  const pick = await tune(gpu, (target) => traceEncoder(encoder, { batch: 128, target }), {
    cache,
    report: print,
  });
  await cache.save();
  return pick;
}

/** The names of the classes: the source's, or numbers up to the largest label. */
function classesOf({ classes, train, test }: EvaluationData, labels: Int32Array[]): string[] {
  const most = labels.flatMap((part) => [...part]).reduce((a, b) => Math.max(a, b), -1);
  const names = classes.length ? classes : Array.from({ length: most + 1 }, (_, k) => `${k}`);
  if (names.length > 1) return names;
  throw new UserError(
    `Cannot evaluate on ${train.source.name} and ${test.source.name} as there must be labels of at least two classes: ` +
      `found ${
        names.length === 0 ? "no labels" : "one class"
      }. Put the images of each class in a folder of its own, or ` +
      `name labelled data: --train, --test.`,
  );
}

/** The rows that have a label. */
function labelledRows(labels: Int32Array, source: string): number[] {
  const rows = [...labels.keys()].filter((i) => labels[i] >= 0);
  if (rows.length) return rows;
  throw new UserError(
    `Cannot evaluate on ${source} as its images must have labels: none of ${labels.length} has one. Name labelled ` +
      `data: --train, --test.`,
  );
}

/** The numbers of neighbours: those asked for, or of the usual ones those that there are. */
function neighbours({ k }: GivenEvaluateFlags, references: number): number[] {
  const asked = k === undefined ? KS.filter((k, i) => i === 0 || k <= references) : [k].flat();
  const ks = k === undefined ? asked.map((k) => Math.min(k, references)) : asked;
  const large = ks.find((k) => k > references);
  if (large === undefined) return [...new Set(ks)];
  throw new UserError(
    `Cannot ask ${large} neighbours as there must be as many labelled images to learn from: there are ${references}. ` +
      `Lower --k.`,
  );
}

/** Who was taken for whom. */
function confused(
  predictions: LinearResult["predictions"],
  { labels, classes }: { labels: LabelledFeatures["labels"]; classes: number },
): Required<Omit<EvaluationRow, "name" | "knn" | "linear" | "rankme">> {
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  labels.forEach((label, i) => {
    if (label >= 0) confusion[label][predictions[i]]++;
  });
  const perClass = confusion.map((row, k) => {
    const count = row.reduce((sum, n) => sum + n, 0);
    return count ? row[k] / count : null;
  });
  return { perClass, confusion };
}

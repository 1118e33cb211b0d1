/**
 * Evaluation: what the features of an encoder are worth, beside raw pixels and an encoder that has learnt nothing.
 *
 * @module
 */
import { defaultWorkers } from "../config/default_values.ts";
import { type EvaluateOptions, expectEvaluateFlags } from "../config/evaluate_flags.ts";
import { UserError } from "../base/errors.ts";
import type { LabelledFeatures } from "./features.ts";
import { knnClassify } from "./knn.ts";
import { type Fit, fitFeatures, linearProtocol, rowsOf } from "./linear.ts";
import { rankMe } from "./spectrum.ts";
import { openEncoder, openRun } from "./evaluated_encoder.ts";
import { classesOf, confused, labelledRows, neighbours, stratifiedSubset } from "./choices.ts";
import { openEvaluationData } from "./data.ts";
import { ENCODED, FeatureMakers, type RowName, rowNames, traceEncoder } from "./feature_sets.ts";
import { writeEvaluation } from "./files.ts";
import { evaluationTable } from "./table.ts";
import type { EvaluateHooks, EvaluationReport, EvaluationRow } from "./types.ts";
import { featureMaps } from "./feature_maps.ts";
import { type Gpu, openGpu } from "../gpu/device.ts";
import type { Dispatch } from "../graph/dispatch_list.ts";
import type { ChoosingProfile, KernelChooser } from "../graph/kernel_choice.ts";
import { type Decision, tune } from "../graph/tuner.ts";
import { openTuningCache } from "../io/tuning_cache.ts";
import { type CropOptions, expectIndexed, finetune, fitCrops, traceFinetuning } from "./labelled_crops.ts";
import { pinnedChooser } from "../config/kernel_pin.ts";

/** The T that the project reports. */
const TEMPERATURE = 0.1;
/** Passes of the linear classifier over the images; fewer where each has to be encoded anew. */
const PROBE_EPOCHS = { cached: 100, crop: 20, none: 0 };
/** Of fine-tuning: passes, peak learning rate at a batch of 256, and images of a step at most. */
const FINETUNING = { epochs: 30, lr: 0.1, batch: 64 };

/**
 * Evaluates an encoder by kNN and by a linear classifier, and writes evaluation.json and a picture of who is taken for
 * whom.
 *
 * @param given The options of `src/cli/evaluate.ts` by name; what is left out has the default that `--help` tells.
 * @throws {UserError} on input that cannot be used; then nothing is written.
 * @throws {MachineError} if there is no adapter, or it refuses the memory, or the disk does.
 *
 * @example
 * ```ts
 * import { evaluate } from "./protocol.ts";
 * import { pretrain } from "../run/pretrain.ts";
 *
 * const out = await Deno.makeTempDir(), print = () => {};
 * await pretrain({ data: "shapes:96", holdout: 32, batch: 16, steps: 2, out }, { print });
 * const { rows } = await evaluate({ run: out, k: 5, probeEpochs: 2 }, { print });
 * console.log(rows[2].name, rows[2].linear?.top1);
 * ```
 */
export async function evaluate(
  given: EvaluateOptions,
  { print = console.log, signal }: EvaluateHooks = {},
): Promise<EvaluationReport> {
  expectEvaluateFlags(given);
  if (given.run === undefined && given.encoder === undefined) {
    throw new UserError("Cannot evaluate without an encoder: add --run DIR or --encoder FILE.");
  }
  const run = given.run === undefined ? null : await openRun(given.run);
  const encoder = await openEncoder(given, run);
  using data = await openEvaluationData(given, run, encoder);
  if (given.probeViews === "crop" || given.finetune) expectIndexed(data.train.source);
  using gpu = await openGpu();
  const seed = given.seed ?? run?.options.seed ?? 0, views = given.probeViews ?? "cached";
  const epochs = given.probeEpochs ?? PROBE_EPOCHS[views], temperature = given.temperature ?? TEMPERATURE;
  const { workers = defaultWorkers() } = given;
  const names = given.baselines === false ? ["trained" as const] : rowNames;
  const chooserFor = await openChoosers(gpu, { kernels: given.kernels, print });
  const chooser = await chooserFor((target) => traceEncoder(encoder, { batch: ENCODED, target }));

  const bad = new Set<string>();
  const onBad = ({ key, reason }: { key: string; reason: string }) => {
    if (!bad.has(key)) print(`Skipped ${key}: ${reason}.`);
    bad.add(key);
  };
  using makers = new FeatureMakers(gpu, {
    encoder,
    rows: names,
    seed,
    workers,
    chooser,
    signal,
    onBad,
  });
  print(`Evaluating ${encoder.path} on ${data.test.source.name}, on ${gpu.description}`);
  const train = await makers.collect(data.train), test = await makers.collect(data.test);
  const { labels } = train.sets.get("trained")!, asked = test.sets.get("trained")!.labels;
  const classes = classesOf(data, [labels, asked]);
  const share = given.labels ?? 1;
  const learnt = stratifiedSubset(labelledRows(labels, data.train.source.name), {
    labels,
    classes: classes.length,
    share,
    seed,
  });
  const ks = neighbours(given, learnt.length);
  labelledRows(asked, data.test.source.name);

  const crops: CropOptions = {
    encoder,
    images: {
      source: data.train.source,
      indices: learnt.map((row) => train.indices[row]),
      labels: Int32Array.from(learnt, (row) => labels[row]),
    },
    classes: classes.length,
    epochs,
    seed,
    batch: makers.batch,
    workers,
    chooser,
    signal,
    onBad,
  };
  const rows: EvaluationRow[] = [];
  for (const name of names) {
    const sets = { train: rowsOf(train.sets.get(name)!, learnt), test: test.sets.get(name)! };
    const knn = await knnClassify(gpu, { references: sets.train, queries: sets.test, ks, T: temperature });
    // Raw pixels have no crops: they are learnt from as they are.
    const cached = views === "crop" && name === "raw pixels" ? PROBE_EPOCHS.cached : epochs;
    const options = { samples: sets.train, classes: classes.length, epochs: cached, seed, signal };
    const fit: Fit = views === "crop" && name !== "raw pixels"
      ? fitCrops(gpu, { ...crops, from: name === "trained" ? encoder : { seed } })
      : (chosen) => fitFeatures(gpu, { ...options, ...chosen });
    const linear = views === "none" ? null : await linearProtocol(gpu, { ...sets, seed, fit });
    rows.push({
      name,
      knn: Object.fromEntries(knn.map(({ accuracy }, i) => [ks[i], accuracy])),
      linear: linear && { top1: linear.top1, top5: linear.top5, lr: linear.lr },
      rankme: name === "raw pixels" ? null : rankMe(sets.test),
      ...confused((linear ?? knn[0]).predictions, { labels: asked, classes: classes.length }),
    });
  }

  let finetuned: EvaluationReport["finetuned"] = null;
  if (given.finetune) {
    const batch = Math.min(FINETUNING.batch, learnt.length),
      lr = (given.finetuneLr ?? FINETUNING.lr) * 2 * batch / 256;
    const passes = given.finetuneEpochs ?? FINETUNING.epochs,
      traced = { encoder, classes: classes.length, batch };
    const { top1, top5 } = await finetune(gpu, {
      ...crops,
      batch,
      epochs: passes,
      lr,
      chooser: await chooserFor((target) => traceFinetuning(traced, target)),
      collect: (maker, batch) => makers.collectBy(maker, { samples: data.test, batch }),
    });
    finetuned = { top1, top5, lr, epochs: passes };
  }
  const report: EvaluationReport = {
    rows,
    finetuned,
    classes,
    counts: { train: learnt.length, test: asked.filter((label) => label >= 0).length, bad: bad.size },
    settings: {
      encoder: encoder.path,
      backbone: encoder.backbone,
      size: encoder.size,
      train: data.train.source.name,
      test: data.test.source.name,
      temperature,
      probe_views: views,
      probe_epochs: epochs,
      labels: share,
      seed,
      adapter: gpu.name,
    },
    paths: [],
  };
  const maps = given.map ? encoderMaps(test.sets, { classes, seed }) : {};
  await writeEvaluation(given.out ?? run?.out ?? "evaluation", { report, maps });
  print(evaluationTable(report));
  print(`Written: ${report.paths.join(", ")}`);
  return report;
}

/** How kernels are chosen for a trace; what has to be timed for that is timed when it is asked for, and remembered. */
async function openChoosers(
  gpu: Gpu,
  { kernels = "auto", print }: { kernels: EvaluateOptions["kernels"]; print: (line: string) => void },
): Promise<
  (
    trace: (target: ChoosingProfile) => { dispatches: readonly Dispatch[] },
  ) => Promise<KernelChooser | undefined>
> {
  if (kernels !== "auto") return () => Promise.resolve(pinnedChooser({ kernels }, gpu));
  const cache = await openTuningCache<Decision>();
  return async (trace) => {
    const chooser = await tune(gpu, trace, { cache, report: print });
    await cache.save();
    return chooser;
  };
}

/** Maps of the features of the encoders among `sets`, by the names of their files. */
function encoderMaps(
  sets: ReadonlyMap<RowName, LabelledFeatures>,
  { classes, seed }: { classes: readonly string[]; seed: number },
): Record<string, string> {
  const mapsOf = (name: RowName, suffix: string) => {
    const features = sets.get(name);
    if (!features) return [];
    const maps = featureMaps(features, { classes, seed, what: `the ${name} encoder's features` });
    return Object.entries(maps).map(([file, svg]) => [file.replace(".svg", `${suffix}.svg`), svg]);
  };
  return Object.fromEntries([...mapsOf("trained", ""), ...mapsOf("untrained", "_untrained")]);
}

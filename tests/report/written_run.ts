/** Folders with the files of a run that no GPU has computed, for tests of pages. */
import { join } from "node:path";
import type { EvaluationRecord, StepRecord } from "../../src/config/callbacks.ts";
import type { PretrainOptions } from "../../src/config/pretrain_options.ts";
import { resolveOptions } from "../../src/config/resolve_options.ts";
import { keyedRandom } from "../../src/base/random.ts";
import { openMetrics } from "../../src/io/metrics.ts";
import { recipes } from "../../data/views/recipe.ts";
import type { ObservedEvaluation, ObservedRun, RunOutcome } from "../../src/report/observer.ts";
import { PageWriter } from "../../src/report/page_writer.ts";
import { writeReportFile } from "../../src/report/report_files.ts";
import { viewStrip } from "../../src/report/picture.ts";
import type { SheetRow } from "../../src/plots/sheet_rows.ts";

/** What a run is like. */
export interface WrittenRun {
  steps?: number;
  /** The step of the checkpoint from which it goes on. */
  start?: number;
  /** Names of held-out images, and of classes; no classes: unlabeled. */
  keys?: string[];
  /** Those at the last evaluation, if the data have changed. */
  lastKeys?: string[];
  classes?: string[];
  outcome?: RunOutcome;
  options?: PretrainOptions;
  /** Whether it collapses at its last step. */
  collapses?: boolean;
}

export const lossAt = (step: number) => 2 + 2 / step;

/** A record of step `step`. */
export const stepRecord = (step: number): StepRecord => ({
  ...{
    step,
    epoch: Math.floor(step / 10),
    loss: lossAt(step),
    lr: 0.1,
    tau: 0.99,
    imagesPerSecond: 500 + step % 7,
  },
  ...{ dataWait: 0.02, zStd: 0.08, gradNorm: 1 + 1 / step, targetCosine: 0.999 },
});

/** An evaluation of images whose features are drawn by the step: image i lies near the direction of its class. */
export function evaluation(
  step: number,
  { keys, classes }: { keys: string[]; classes: string[] },
): ObservedEvaluation {
  const dims = 8, n = keys.length, random = keyedRandom(step, 1), side = 16;
  const label = (i: number) => classes.length > 0 ? i % classes.length : -1;
  const features = Float32Array.from(
    { length: n * dims },
    (_, at) =>
      2 * random.uniform() - 1 + (at % dims === (label(Math.floor(at / dims)) + dims) % dims ? step / 10 : 0),
  );
  const record: EvaluationRecord | null = step === 0 ? null : {
    ...{ step, epoch: step / 10, knn: classes.length > 0 ? 0.25 + step / 1000 : null, probe: null },
    ...{ rankme: 5.5, rankmeProjections: 2.25, zStd: 0.07, neighborStability: step / 50 },
    ...step < 40 ? { verdict: null, verdictSince: null } : { verdict: "flat", verdictSince: 30 },
  };
  return {
    step,
    record,
    heldOut: { features, dims, labels: Int32Array.from(keys, (_, i) => label(i)) },
    images: keys.map((key, index) => {
      const pixels = Uint8Array.from({ length: side * side * 3 }, (_, at) => (37 * index + 5 * at) % 256);
      return { index, key, thumbnail: { side, pixels } };
    }),
  };
}

/** Writes the files of a run to the folder `out`, as it would itself; returns its observer if it goes on. */
export async function writeRun(out: string, {
  steps = 40,
  start = 0,
  keys = Array.from({ length: 30 }, (_, i) => `images/${i}.jpg`),
  lastKeys = keys,
  classes = ["cat", "dog", "ship"],
  outcome = { state: "done", message: null },
  options: given = {},
  collapses = false,
}: WrittenRun = {}): Promise<void> {
  const options = { ...resolveOptions({ data: "photos", steps, batch: 32, ...given }), out };
  await Deno.mkdir(out, { recursive: true });
  await Deno.writeTextFile(join(out, "config.json"), JSON.stringify({ ...options, totalSteps: steps }));
  const part = (name: string, images: number) => ({
    name,
    images,
    unlabeled: 0,
    classes: null,
    newClasses: null,
  });
  const data = { source: "photos", fingerprint: "", images: 300, unlabeled: 0, classCount: classes.length };
  const leftOut = { count: 4, groups: [{ kind: ".txt", reason: null, count: 4 }], names: [] };
  const named = classes.map((name) => ({ name, images: 100 }));
  const report = {
    ...data,
    classes: named,
    split: null,
    splits: [],
    parts: [part("train", 270), part("held out", 30)],
    leftOut,
  };
  await Deno.writeTextFile(
    join(out, "data.json"),
    JSON.stringify({
      ...{ source: "photos", images: 300, unlabeled: 0, class_count: classes.length, classes: named },
      ...{ parts: report.parts, left_out: leftOut },
    }),
  );
  await Deno.writeTextFile(
    join(out, "bad_images.jsonl"),
    `{"index":3,"key":"${"b".repeat(9)}.jpg","reason":"it is cut off"}\n`,
  );
  const image = { width: 40, height: 30, data: new Uint8Array(40 * 30 * 4).fill(90) };
  const view = { width: 16, height: 16, data: new Uint8Array(16 * 16 * 4).fill(180) };
  const row = {
    index: 0,
    key: "a",
    image,
    views: [{ pixels: view }, { pixels: view }],
  } as unknown as SheetRow;
  await writeReportFile(out, "views", await viewStrip([row, row, row]));
  const run: ObservedRun = {
    ...{ options, recipe: recipes.cifar, data: report, classes, total: steps, start },
    ...{ adapter: "a GPU", gpuBytes: 2.5e9 },
  };
  await using writer = await PageWriter.open(run);
  using metrics = await openMetrics<StepRecord>(join(out, "metrics.jsonl"), { keepThroughStep: 0 });
  using evaluations = await openMetrics<EvaluationRecord>(join(out, "evaluations.jsonl"), {
    keepThroughStep: 0,
  });
  await writer.evaluated(evaluation(0, { keys, classes }));
  for (let step = start + 1; step <= steps; step++) {
    metrics.write(stepRecord(step));
    writer.progressed(step, 60 * (steps + 2 - step));
    if (step % 10 > 0) continue;
    const isLast = step + 10 > steps;
    const observed = evaluation(step, { keys: isLast ? lastKeys : keys, classes });
    evaluations.write(observed.record!);
    if (isLast) await writer.evaluated(observed);
  }
  writer.logged("Warning about images/3.jpg: it is nearly black. Further images like it are not named.");
  if (collapses) writer.collapsed({ step: steps, evidence: "z_std is 0.001", remedy: "Try a lower --lr." });
  if (outcome.state !== "stopped" || outcome.message !== "still going") await writer.ended(outcome);
  else await writer.checkpointed();
}

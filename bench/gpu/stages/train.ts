/**
 * The stage that trains on CIFAR-10 for as long as there is time, and scores the encoder.
 *
 * @module
 */
import { basename, join } from "node:path";
import type { EvaluationReport } from "../../../src/eval/types.ts";
import type { StepRecord } from "../../../src/config/callbacks.ts";
import { readMetrics } from "../../../src/io/metrics.ts";
import { median } from "../../../src/inspect/timing.ts";
import { divide, type Division } from "../division.ts";
import { packEncoder } from "../half.ts";
import { lastLines, paths, type Stage } from "../session.ts";
import { GpuWatch } from "../watch.ts";
import { measureSteps, TINY } from "./profile.ts";

/** Steps of the trial, by which the run's are reckoned, and of a small run. */
const TRIAL_STEPS = 160, SMALL_TRIAL_STEPS = 6, SMALL_STEPS = 24;
/** Seconds between the end of training and that of the time for it: a checkpoint is written then. */
const CLOSING_SECONDS = 8;
/** The part of the time that is planned for: rates vary. */
const PLANNED = 0.95;
/** Points of the run's curve in figures.txt. */
const CURVE_POINTS = 25;
const MAX_WORKERS = 8;

/** Trains, packs the encoder, evaluates it. */
export async function trainStage(stage: Stage): Promise<void> {
  const { session } = stage;
  const data = await divide(session);
  if (!data) return stage.row("run", "left out: no images are given (--data)");
  const options = [
    ...session.recipe,
    ...session.small ? TINY : [],
    ...["--batch", `${session.batch}`],
  ];
  // Neither the trial nor the run must begin with timing kernels.
  const { ok } = await measureSteps(stage, "run", { args: options, kernels: [] });
  options.push(...["--data", data.train, "--holdout", "0", "--cache", "memory"]);
  options.push(...["--kernels", ok ? "auto" : "default", "--checkpoint-every", "1000000"]);
  const steps = await trial(stage, options);
  await train(stage, { options, steps, images: data.images });
  const encoder = await encoderOf(paths.run(session));
  await packEncoder(encoder, join(session.out, "encoder.f16"));
  await evaluate(stage, data);
}

/** The lines of a run's metrics. */
function metricsOf(run: string): Promise<StepRecord[]> {
  return readMetrics(join(run, "metrics.jsonl"));
}

/** The median rate of a run and its mean wait for data, the first line left out, in which kernels are compiled. */
function ratesOf(
  records: readonly StepRecord[],
): { imagesPerSecond: number; dataWait: number; loss: number } {
  const late = records.length > 1 ? records.slice(1) : records;
  return {
    imagesPerSecond: median(late.map(({ imagesPerSecond }) => imagesPerSecond)),
    dataWait: late.reduce((sum, { dataWait }) => sum + dataWait, 0) / late.length,
    loss: records.at(-1)!.loss,
  };
}

function describeRates({ imagesPerSecond, dataWait, loss }: ReturnType<typeof ratesOf>): string {
  return `${imagesPerSecond.toFixed(1)}, ${(100 * dataWait).toFixed(1)} %, ${loss.toFixed(4)}`;
}

/** Trains for a few steps; returns how many there is time for. */
async function trial(stage: Stage, options: readonly string[]): Promise<number> {
  const { session } = stage, { small, batch, evalSeconds } = session;
  const out = join(session.work, "trial"),
    steps = small ? SMALL_TRIAL_STEPS : TRIAL_STEPS,
    begin = Date.now();
  await trainOnce(stage, [...options, "--log-every", `${steps / 4 | 0}`, "--steps", `${steps}`], out);
  const rates = ratesOf(await metricsOf(out)), taken = (Date.now() - begin) / 1000;
  stage.row(`trial of ${steps} steps: images/s, data wait, loss`, describeRates(rates), { ...rates });
  if (small) return SMALL_STEPS;
  // What the trial took beside its steps, the run takes too.
  const beside = Math.max(0, taken - steps * batch / rates.imagesPerSecond);
  const seconds = PLANNED * (stage.left(evalSeconds + CLOSING_SECONDS) - beside);
  return Math.max(TRIAL_STEPS, Math.floor(seconds * rates.imagesPerSecond / batch));
}

async function trainOnce(
  stage: Stage,
  args: readonly string[],
  out: string,
  limits: Parameters<Stage["run"]>[2] = {},
): Promise<void> {
  await Deno.remove(out, { recursive: true }).catch(() => {});
  const ended = await stage.deno("train.ts", [...args, "--out", out], {
    env: { BYOL_CACHE: paths.cache(stage.session) },
    ...limits,
  });
  if (ended.code !== 0) console.log(`train.ts ended with ${ended.code}: ${lastLines(ended.output)}`);
}

async function train(
  stage: Stage,
  { options, steps, images }: { options: readonly string[]; steps: number; images: number },
): Promise<void> {
  const { session } = stage, out = paths.run(session), { evalSeconds, batch, small } = session;
  const epochs = steps * batch / images;
  console.log(`training ${steps} steps, ${epochs.toFixed(1)} epochs of ${images} images`);
  await using watch = new GpuWatch();
  const begin = Date.now();
  await trainOnce(stage, [...options, "--log-every", small ? "4" : "10", "--steps", `${steps}`], out, {
    // An interrupted run still writes a checkpoint.
    interruptAfter: stage.left(evalSeconds),
    reserve: evalSeconds - CLOSING_SECONDS,
  });
  const records = await metricsOf(out), rates = ratesOf(records), seconds = (Date.now() - begin) / 1000;
  const done = records.at(-1)!.step, cut = done < steps ? `, cut off at step ${done} of ${steps}` : "";
  stage.row(
    "run: epochs, steps, seconds",
    `${(done * batch / images).toFixed(1)}, ${done}, ${seconds.toFixed(0)}${cut}`,
    {
      steps: done,
      seconds,
    },
  );
  stage.row("run: images/s, data wait, loss", describeRates(rates), { ...rates });
  watch.report(stage, "run: GPU");
  stage.figures("the run's curve: step, loss, spread of projections, images/s", curveOf(records));
}

/** Lines of `records`, evenly spaced, the last one among them. */
function curveOf(records: readonly StepRecord[]): string {
  const count = Math.min(CURVE_POINTS, records.length);
  return Array.from({ length: count }, (_, i) => {
    const { step, loss, zStd, imagesPerSecond } = records[Math.ceil((i + 1) * records.length / count) - 1];
    return `${step}\t${loss.toFixed(4)}\t${zStd.toFixed(4)}\t${imagesPerSecond.toFixed(1)}`;
  }).join("\n");
}

/** The file with the encoder of the run in `out`: of one that was interrupted, its last checkpoint. */
async function encoderOf(out: string): Promise<string> {
  const encoder = join(out, "encoder.safetensors");
  if (await Deno.stat(encoder).then(() => true, () => false)) return encoder;
  const folder = join(out, "checkpoints");
  const last = Array.from(Deno.readDirSync(folder), ({ name }) => name)
    .filter((name) => name.endsWith(".safetensors")).sort().at(-1);
  if (last === undefined) throw new Error(`Cannot evaluate the run in "${out}": it has no checkpoint.`);
  return join(folder, last);
}

/** kNN by itself first: it takes a quarter of the time, and an evaluation that is cut off writes nothing. */
async function evaluate(stage: Stage, { train, test }: Division): Promise<void> {
  const { session } = stage, run = paths.run(session), encoder = await encoderOf(run);
  const of = basename(encoder) === "encoder.safetensors" ? ["--encoder", encoder] : ["--run", run];
  const workers = Math.min(MAX_WORKERS, navigator.hardwareConcurrency);
  for (const views of ["none", "cached"]) {
    const out = join(run, `evaluation_${views}`);
    const { code, output } = await stage.deno("src/cli/evaluate.ts", [
      ...of,
      ...["--train", train, "--test", test, "--no-baselines", "--kernels", "default"],
      ...["--workers", `${workers}`, "--probe-views", views, "--out", out],
      ...session.small && views !== "none" ? ["--probe-epochs", "2"] : [],
    ]);
    if (code !== 0) {
      stage.row(`held out, probe ${views}`, `failed: ended with ${code}`);
      console.log(lastLines(output));
      continue;
    }
    const report: EvaluationReport = JSON.parse(await Deno.readTextFile(join(out, "evaluation.json")));
    for (const { name, knn, linear } of report.rows) {
      const accuracies: Record<string, number> = {};
      for (const [k, accuracy] of Object.entries(knn)) accuracies[`kNN k=${k}`] = accuracy;
      if (linear) accuracies["linear"] = linear.top1;
      const value = Object.entries(accuracies).map(([what, share]) =>
        `${what} ${(100 * share).toFixed(2)} %`
      );
      if (linear) value.push(`at rate ${linear.lr}`);
      stage.row(`held out, ${name}, probe ${views}`, value.join(", "), accuracies);
    }
  }
}

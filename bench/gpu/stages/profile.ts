/**
 * The stage that profiles training steps, with the default kernels and with those that were timed as the fastest.
 *
 * @module
 */
import { join } from "node:path";
import { percent } from "../../table.ts";
import { lastLines, paths, type Session, type Stage } from "../session.ts";
import type { StepsRequest, StepsResult, TuneResult } from "../steps.ts";
import { GpuWatch } from "../watch.ts";

/** Options of train.ts that make everything small. */
export const TINY = ["--backbone", "resnet8", "--hidden", "64", "--projection", "32"];

/** A training step that is measured. */
interface Configuration {
  /** Its backbone, pixels and batch, as in rows of PyTorch's. */
  key: string;
  args: string[];
}

// Photographs as they are decoded by default would take longer to upload than a step to make.
export const photos = (
  batch: number,
) => ["--preset", "paper-100", "--size", "224", "--decode-size", "256", "--batch", `${batch}`];
const cifar = (batch: number) => ["--preset", "cifar", "--batch", `${batch}`];

/** What is measured, the most valuable first. */
export function configurations({ small, batch }: Session): Configuration[] {
  if (small) return [{ key: `resnet8:32:${batch}`, args: [...cifar(batch), ...TINY] }];
  const sizes = [...new Set([256, batch])];
  return [
    { key: "resnet18:32:256", args: cifar(256) },
    { key: "resnet50:224:64", args: photos(64) },
    ...sizes.slice(1).map((batch) => ({ key: `resnet18:32:${batch}`, args: cifar(batch) })),
  ];
}

/** The seconds that a profile takes on a GPU, beside timing kernels. */
const PROFILE_SECONDS = 25;

type Kernels = StepsResult["kernels"];

/** Profiles each configuration with the default kernels, then each with the fastest. */
export async function profileStage(stage: Stage): Promise<void> {
  const { small, tuneSeconds } = stage.session;
  // A small session has little time, and begins only one process.
  const rounds: Kernels[][] = small ? [["default", "tuned"]] : [["default"], ["tuned"]];
  for (const kernels of rounds) {
    const needed = PROFILE_SECONDS + (kernels.includes("tuned") ? tuneSeconds : 0);
    for (const { key, args } of configurations(stage.session)) {
      if (stage.left() < needed && !small) {
        stage.row(`${key}, ${kernels}`, "left out: no time");
        continue;
      }
      await using watch = new GpuWatch();
      const { steps } = await measureSteps(stage, key, { args, kernels });
      for (const step of steps) report(stage, key, { step, watch });
    }
  }
}

function report(stage: Stage, key: string, { step, watch }: { step: StepsResult; watch: GpuWatch }): void {
  const { batch, wall, sum, compiled, compiling, top, from, to } = step;
  const label = `${key}, ${step.kernels}`, rate = batch / wall;
  stage.figures(label, step.report);
  stage.row(`${label}: images/s`, rate.toFixed(1), { imagesPerSecond: rate });
  stage.row(
    `${label}: step, sum of kernels, wall ÷ sum`,
    `${(1000 * wall).toFixed(2)} ms, ${(1000 * sum).toFixed(2)} ms, ${(wall / sum).toFixed(3)}`,
    { wall, sum },
  );
  stage.row(
    `${label}: share of the sum, of the peak`,
    top.map(({ name, share, ofPeak }) => `${name} ${percent(share)}, ${percent(ofPeak)}`).join("; "),
  );
  stage.row(`${label}: kernels compiled`, `${compiled} in ${(1000 * compiling).toFixed(0)} ms`, {
    compiled,
    compiling,
  });
  watch.report(stage, `${label}: GPU`, { from, to });
}

/** Profiles steps and times kernels, as `request` has it, and tells of the latter. */
export async function measureSteps(
  stage: Stage,
  label: string,
  request: Omit<StepsRequest, "seconds" | "to">,
): Promise<{ steps: StepsResult[]; ok: boolean }> {
  const to = join(stage.session.work, "steps.jsonl");
  await Deno.writeTextFile(to, "");
  const whole: StepsRequest = { ...request, seconds: stage.session.tuneSeconds, to };
  const { code, output } = await stage.deno("bench/gpu/steps.ts", [JSON.stringify(whole)], {
    env: { BYOL_CACHE: paths.cache(stage.session) },
  });
  const results: (StepsResult | TuneResult)[] = (await Deno.readTextFile(to)).split("\n").filter(Boolean)
    .map((line) => JSON.parse(line));
  for (const result of results) {
    if (!("shapes" in result)) continue;
    const { shapes, timed, seconds, report } = result;
    stage.figures(`${label}: kernels timed`, report);
    stage.row(`${label}: kernels timed`, `${timed} of ${shapes} new shapes in ${seconds.toFixed(1)} s`, {
      shapes,
      timed,
    });
  }
  if (code !== 0) {
    console.log(lastLines(output));
    stage.row([label, ...request.kernels].join(", "), `failed: ended with ${code}`);
  }
  return { steps: results.filter((result) => "wall" in result), ok: code === 0 };
}

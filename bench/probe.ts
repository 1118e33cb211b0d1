/**
 * kNN and the linear protocol beside scikit-learn and PyTorch, on the features of a run:
 *
 *     deno task bench probe RUN [trained]        of the trained encoder only
 */
import { defaultWorkers } from "../src/config/default_values.ts";
import { UserError } from "../src/base/errors.ts";
import { knnClassify } from "../src/eval/knn.ts";
import { rowsOf } from "../src/eval/features.ts";
import { fitFeatures } from "../src/eval/fit_heads.ts";
import { linearProtocol, probeEpochsOf } from "../src/eval/linear.ts";
import { openEncoder, openRun } from "../src/eval/open_encoder.ts";
import { openEvaluationData } from "../src/eval/data.ts";
import { FeatureCollector } from "../src/eval/feature_sets.ts";
import type { RowName } from "../src/eval/types.ts";
import type { Gpu } from "../src/gpu/device.ts";
import { writeSafetensors } from "../src/io/safetensors.ts";
import { printTable } from "./table.ts";

const python = "python3";

/** Prints what both sides get from raw pixels, the untrained and the trained encoder of the run in `out`. */
export async function benchProbe(gpu: Gpu, [out, only]: string[]): Promise<void> {
  if (out === undefined) throw new UserError("Cannot compare probes without a run: bench probe RUN.");
  const run = await openRun(out), encoder = await openEncoder({ run: out }, run);
  using data = await openEvaluationData({}, run);
  const all: RowName[] = ["raw pixels", "untrained", "trained"];
  const names = all.filter((name) => only === undefined || name === only);
  using collector = new FeatureCollector(gpu, {
    encoder,
    rows: names,
    seed: run.options.seed,
    workers: defaultWorkers(),
    onBad() {},
  });
  const [train, test] = [await collector.collect(data.train), await collector.collect(data.test)];
  const row = printTable([
    "features",
    "kNN k=20, right",
    "k=200",
    "linear top-1 (lr)",
    "s",
    "logistic regression",
  ]);
  for (const name of names) {
    const sets = [train, test].map(({ sets }) => {
      const samples = sets.get(name)!;
      return rowsOf(samples, [...samples.labels.keys()].filter((i) => samples.labels[i] >= 0));
    });
    const [references, queries] = sets, count = queries.labels.length;
    const knn = await knnClassify(gpu, { references, queries, ks: [20, 200] });
    const begin = performance.now();
    const linear = await linearProtocol(gpu, {
      train: references,
      test: queries,
      seed: 0,
      fit: (fit) =>
        fitFeatures(gpu, {
          samples: references,
          classes: data.train.whole.classes.length,
          epochs: probeEpochsOf(references.labels.length, "cached"),
          seed: 0,
          ...fit,
        }),
    });
    const seconds = (performance.now() - begin) / 1000;
    row(
      `${name}, here`,
      ...knn.map(({ accuracy }) => Math.round(accuracy * count)),
      `${(100 * linear.top1).toFixed(1)} % (${linear.lr})`,
      seconds.toFixed(1),
      "",
    );
    const file = await Deno.makeTempFile({ suffix: ".safetensors" });
    try {
      const tensors = ([["train", references], ["test", queries]] as const).flatMap(([part, samples]) => [
        [part, { shape: [samples.labels.length, samples.dims], data: samples.features }] as const,
        [`${part}_labels`, {
          shape: [samples.labels.length],
          data: Float32Array.from(samples.labels),
        }] as const,
      ]);
      await writeSafetensors(file, { tensors });
      const start = performance.now();
      const { success, stdout, stderr } = await new Deno.Command(python, {
        args: [
          new URL("probe.py", import.meta.url).pathname,
          file,
          `${linear.lr}`,
          `${probeEpochsOf(references.labels.length, "cached")}`,
        ],
      }).output();
      if (!success) throw new Error(new TextDecoder().decode(stderr));
      const theirs = JSON.parse(new TextDecoder().decode(stdout));
      row(
        `${name}, scikit-learn and PyTorch`,
        theirs.knn[20],
        theirs.knn[200],
        `${(100 * theirs.linear).toFixed(1)} % (${linear.lr})`,
        ((performance.now() - start) / 1000).toFixed(1),
        `${(100 * theirs.logistic).toFixed(1)} % (C = ${theirs.strength})`,
      );
    } finally {
      await Deno.remove(file);
    }
  }
}

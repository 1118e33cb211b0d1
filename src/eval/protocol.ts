/**
 * Evaluation: scores an encoder on labeled images, beside raw pixels and an untrained encoder.
 *
 * @module
 */
import { dataLine, leftOutOf } from "./data_report.ts";
import { encoderText } from "./evaluated_encoder.ts";
import { ENCODED, FeatureCollector, traceEncoder } from "./feature_sets.ts";
import { finetuneEncoder } from "./finetune.ts";
import { probeEpochsOf } from "./linear.ts";
import { collectSamples, type EvaluationSamples, scoreRow } from "./score_row.ts";
import { type EvaluationSetup, openEvaluation } from "./setup.ts";
import {
  type EvaluateOptions,
  type EvaluationReport,
  type EvaluationRow,
  PROTOCOL_VERSION,
} from "./types.ts";
import { writeEvaluation } from "./write_evaluation.ts";

/**
 * Scores an encoder by kNN and by a linear classifier on its frozen features, and writes evaluation.json.
 *
 * @throws {UserError} on input that cannot be used; nothing is written then.
 * @throws {MachineError} if there is no adapter, too little memory, or the disk refuses.
 *
 * @example
 * ```ts
 * import { evaluate } from "./protocol.ts";
 * import { pretrain } from "../run/pretrain.ts";
 *
 * const out = await Deno.makeTempDir(), print = () => {};
 * await pretrain({ data: "shapes:96", holdout: 32, batch: 16, steps: 2, out }, { print });
 * const { rows } = await evaluate({ run: out, k: 5, probeEpochs: 2 });
 * console.log(rows[2].name, rows[2].linear?.top1);
 * ```
 */
export async function evaluate(options: EvaluateOptions): Promise<EvaluationReport> {
  const { log = console.log, signal, precision } = options;
  using setup = await openEvaluation(options);
  const { encoder, initial, data, gpu, protocol, chooseKernels, onBad, onNote } = setup;
  const chooser = await chooseKernels((target) =>
    traceEncoder(encoder, { batch: ENCODED, target, precision })
  );
  using collector = new FeatureCollector(gpu, {
    encoder,
    initial,
    ...protocol,
    chooser,
    precision,
    signal,
    onBad,
    onNote,
  });
  const where = `${gpu.description}${precision === "mixed" ? ", in mixed precision" : ""}`;
  log(`Evaluating ${encoderText(encoder)} on ${where}: ${data.reports.map(dataLine).join("; ")}`);
  if (data.otherSplit) log(`The data also have a split to test on: --split ${data.otherSplit}`);

  const samples = await collectSamples(collector, { data, protocol, k: options.k });
  const rows: EvaluationRow[] = [];
  for (const name of protocol.rows) {
    rows.push(await scoreRow(name, { setup, samples, chooser, batch: collector.batch, signal }));
  }
  const finetuned = options.finetune
    ? await finetuneEncoder(options, { setup, samples, collector, signal })
    : null;

  const report = reportOf(setup, { samples, rows, finetuned, precision });
  const pictures = options.draw?.({ report, features: samples.test.sets }) ?? {};
  await writeEvaluation(options.out ?? setup.run?.out ?? "evaluation", { report, pictures });
  return report;
}

function reportOf(
  { encoder, data, gpu, protocol, unused: { bad, leftOut } }: EvaluationSetup,
  { samples, rows, finetuned, precision }:
    & { samples: EvaluationSamples }
    & Pick<EvaluationReport, "rows" | "finetuned">
    & Pick<EvaluateOptions, "precision">,
): EvaluationReport {
  const { temperature, probeViews, probeEpochs, labels, seed } = protocol;
  return {
    rows,
    finetuned,
    classes: samples.classes,
    data: data.reports.map((report, i) => ({
      ...report,
      leftOut: leftOutOf(i === 0 ? data.train.whole : data.test.whole),
    })),
    warnings: samples.warnings,
    counts: {
      train: samples.learned.length,
      test: samples.tested.length,
      bad: bad.size,
      leftOut: leftOut.size,
    },
    settings: {
      protocol: PROTOCOL_VERSION,
      encoder: encoder.name,
      backbone: encoder.backbone,
      size: encoder.size,
      train: data.train.source.name,
      test: data.test.source.name,
      temperature,
      probeViews,
      probeEpochs: probeEpochs ?? probeEpochsOf(samples.learned.length, probeViews),
      labels,
      seed,
      adapter: gpu.name,
      ...precision === "mixed" && { precision },
    },
    paths: [],
  };
}

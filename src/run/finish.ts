/**
 * The end of a run: its encoder and its figures.
 *
 * @module
 */
import { join } from "node:path";
import type { StreamCounts } from "../../data/count.ts";
import { leftOutText } from "../../data/sources/survey.ts";
import { counted } from "../base/format.ts";
import { backboneOf } from "../byol/trainer.ts";
import { type DataReport, leftOutOf } from "../eval/data_report.ts";
import { writeSafetensors } from "../io/safetensors.ts";
import type { TorchTensor } from "../nn/weights.ts";
import { ABORTED, unlessAborted } from "./abort.ts";
import { encoderMetadata } from "./encoder_metadata.ts";
import type { KnnBefore } from "./records.ts";
import type { Session } from "./session.ts";
import { knnLine, type Summary, writeSummary } from "./summary.ts";
import type { Instruments } from "./train.ts";

/** Writes the encoder, evaluates it and writes the summary; null if the signal is aborted before that. */
export async function finish(
  session: Session,
  { clock, recorder, knn: before, state }: Instruments & {
    knn: KnnBefore | null;
    /** What the last checkpoint has. */
    state: ReadonlyMap<string, TorchTensor>;
  },
): Promise<Summary | null> {
  const { run: { options, recipe, checkpoint }, source, report, counts, total, evaluation, progress, bad } =
    session;
  const { out, batch, accumulate, onBadImage } = options;
  const { seconds } = clock;
  const encoderPath = join(out, "encoder.safetensors");
  const metadata = { ...encoderMetadata(options, recipe), fingerprint: source.fingerprint };
  await writeSafetensors(encoderPath, { tensors: backboneOf(state), metadata });

  const trained = before && await unlessAborted(session.callbacks.signal, () => evaluation.encoderAccuracy());
  if (trained === ABORTED) return null;
  const knn = before && trained !== null ? { ...before, trained } : null;
  const images = (total - (checkpoint?.step ?? 0)) * batch * accumulate;
  const summary: Summary = {
    knn,
    finalLoss: recorder.loss,
    seconds,
    imagesPerSecond: images / seconds,
    collapse: recorder.collapse,
    data: { ...report, leftOut: leftOutOf(source) },
    read: counts && counts(),
    unused: { bad: bad.count, leftOut: bad.leftOut },
  };
  await writeSummary(out, summary);
  await bad.flush();
  progress.stop();
  const verb = onBadImage === "substitute" ? "replaced" : "skipped";
  const became = (count: number, what: string) =>
    count ? `; ${counted(count, "image was", "images were")} ${what}` : "";
  progress.log(
    `The encoder is in ${encoderPath}${became(bad.count, verb)}${became(bad.leftOut, "left out")}`,
  );
  if (summary.read) progress.log(readLine(summary.data, summary.read));
  if (knn) progress.log(`kNN: ${knnLine(knn, options)}`);
  return summary;
}

/** What was read of a stream whose number of images was unknown, and what was found in it and left out. */
function readLine(
  { source, leftOut }: Pick<DataReport, "source" | "leftOut">,
  { images, unlabeled, complete }: StreamCounts,
): string {
  const count = (n: number) => n.toLocaleString("en-US"), left = leftOutText(leftOut);
  const without = unlabeled > 0 ? `, ${count(unlabeled)} of them without a label` : "";
  return `Read ${complete ? "all" : "at least"} ${count(images)} images of ${source}${without}${
    left && `; ${left}`
  }`;
}

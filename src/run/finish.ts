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
  const { run: { options, recipe, checkpoint }, source, report, counts, total, evaluation, bad, world } =
    session;
  const { out, batch, accumulate } = options, { seconds } = clock;
  await world.first("the encoder", async () => {
    const metadata = { ...encoderMetadata(options, recipe), fingerprint: source.fingerprint };
    await writeSafetensors(encoderPath(out), { tensors: backboneOf(state), metadata });
  });
  const trained = before && await unlessAborted(session.callbacks.signal, () => evaluation.encoderAccuracy());
  if (trained === ABORTED) return null;
  await bad.join(world);
  return await world.first("the end of the run", async () => {
    const images = (total - (checkpoint?.step ?? 0)) * batch * accumulate;
    const summary: Summary = {
      knn: before && trained !== null ? { ...before, trained } : null,
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
    logEnd(session, summary);
    return summary;
  });
}

const encoderPath = (out: string) => join(out, "encoder.safetensors");

function logEnd({ run: { options }, progress }: Session, { knn, read, data, unused }: Summary): void {
  const { out, onBadImage } = options;
  progress.stop();
  const verb = onBadImage === "substitute" ? "replaced" : "skipped";
  const became = (count: number, what: string) =>
    count ? `; ${counted(count, "image was", "images were")} ${what}` : "";
  progress.log(
    `The encoder is in ${encoderPath(out)}${became(unused.bad, verb)}${became(unused.leftOut, "left out")}`,
  );
  if (read) progress.log(readLine(data, read));
  if (knn) progress.log(`kNN: ${knnLine(knn, options)}`);
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

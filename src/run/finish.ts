/**
 * The end of a run: its encoder and its figures.
 *
 * @module
 */
import { join } from "node:path";
import type { Recipe } from "../../data/views/recipe.ts";
import { backboneOf } from "../byol/trainer.ts";
import { backboneText } from "../config/backbone.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";
import { writeSafetensors } from "../io/safetensors.ts";
import { ABORTED, unlessAborted } from "./abort.ts";
import type { KnnBefore } from "./records.ts";
import type { Session } from "./session.ts";
import { knnLine, type Summary, writeSummary } from "./summary.ts";
import type { Instruments } from "./train.ts";

/** Writes the encoder, evaluates it and writes the summary; null if the signal is aborted before that. */
export async function finish(
  session: Session,
  { clock, recorder, knn: before }: Instruments & { knn: KnnBefore | null },
): Promise<Summary | null> {
  const { run: { options, recipe, checkpoint }, source, total, evaluation, progress, bad } = session;
  const { out, batch, accumulate, onBadImage } = options;
  const state = await recorder.save();
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
  };
  await writeSummary(out, summary);
  await bad.flush();
  progress.stop();
  const verb = onBadImage === "substitute" ? "replaced" : "skipped";
  const skipped = bad.count ? `; ${bad.count} images were ${verb}` : "";
  const leftOut = bad.leftOut ? `; ${bad.leftOut} images were left out` : "";
  progress.log(`The encoder is in ${encoderPath}${skipped}${leftOut}`);
  if (knn) progress.log(`kNN: ${knnLine(knn)}`);
  return summary;
}

/** What a user of the encoder needs to know: how images are prepared, and the network of the weights. */
function encoderMetadata(
  { backbone, stem, size }: ResolvedOptions,
  { mean, std, stretch }: Recipe,
): Record<string, string> {
  return {
    backbone: backboneText(backbone),
    stem,
    size: `${size}`,
    mean: JSON.stringify(mean),
    std: JSON.stringify(std),
    ...stretch && { stretch },
  };
}

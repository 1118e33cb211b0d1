/**
 * The end of a run: its encoder, its figures.
 *
 * @module
 */
import { join } from "node:path";
import type { Recipe } from "../../data/views/recipe.ts";
import { backboneOf } from "../byol/trainer.ts";
import type { TrainOptions } from "../config/train_defaults.ts";
import { writeJson } from "../io/json_file.ts";
import { writeSafetensors } from "../io/safetensors.ts";
import type { KnnBefore } from "./records.ts";
import { knnLine, type Summary } from "./summary.ts";
import type { Session } from "./session.ts";
import type { Books } from "./train.ts";

/** Writes the encoder, evaluates it and writes the summary; null if the signal is aborted before that. */
export async function finish(
  session: Session,
  { clock, recorder, knn: before }: Books & { knn: KnnBefore | null },
): Promise<Summary | null> {
  const { run: { options, recipe, checkpoint }, source, total, evaluation, progress, bad } = session;
  const { out, batch, accumulate, onBadImage } = options;
  const state = await recorder.save();
  const { seconds } = clock;
  const encoderPath = join(out, "encoder.safetensors");
  const metadata = { ...encoderMetadata(options, recipe), fingerprint: source.fingerprint };
  await writeSafetensors(encoderPath, { tensors: backboneOf(state), metadata });

  const trained = before && await unlessAborted(session, () => evaluation.encoderAccuracy());
  if (trained === ABORTED) return null;
  const knn = before && trained !== null ? { ...before, trained } : null;
  const images = (total - (checkpoint?.step ?? 0)) * batch * accumulate;
  const summary: Summary = {
    knn,
    final_loss: recorder.loss,
    seconds,
    images_per_second: images / seconds,
    collapse: recorder.collapse,
  };
  await writeJson(join(out, "summary.json"), summary);
  await bad.flush();
  progress.stop();
  const verb = onBadImage === "substitute" ? "replaced" : "skipped";
  progress.log(
    `The encoder is in ${encoderPath}${bad.count ? `; ${bad.count} images were ${verb}` : ""}`,
  );
  if (knn) progress.log(`kNN: ${knnLine(knn)}`);
  return summary;
}

/** The answer in place of a result where the signal ended the work. */
export const ABORTED = Symbol("aborted");

/** What `work` resolves to, or {@linkcode ABORTED}. */
export async function unlessAborted<T>(
  { hooks: { signal } }: { hooks: { signal?: AbortSignal } },
  work: () => Promise<T>,
): Promise<T | typeof ABORTED> {
  try {
    return await work();
  } catch (error) {
    if (signal?.aborted) return ABORTED;
    throw error;
  }
}

/** What a user of the encoder must know: how images are prepared, and which network the weights belong to. */
function encoderMetadata(
  { backbone, stem, size }: TrainOptions,
  { mean, std }: Recipe,
): Record<string, string> {
  return { backbone, stem, size: `${size}`, mean: JSON.stringify(mean), std: JSON.stringify(std) };
}

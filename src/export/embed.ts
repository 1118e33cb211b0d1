/**
 * Vectors of images, one by one.
 *
 * @module
 */
import type { BadImage, EvaluationBatch } from "../../data/pipeline.ts";
import type { PackedImage } from "../../data/views/table.ts";
import { badLog } from "../base/bad_log.ts";
import { expectEmbedOptions } from "../config/embed_flags.ts";
import { classNameOf } from "../eval/data_report.ts";
import { openEmbedding } from "./embedding_session.ts";
import type { Embedding, EmbedOptions } from "./embed_options.ts";
import type { EmbeddingRows } from "./embedding_rows.ts";

/**
 * Embeds images: each once, in source order. Workers decode ahead of the GPU, and the GPU computes ahead of what is taken.
 * Leaving the iteration ends the work. An image that cannot be used has no vector; `onBad` hears of it.
 *
 * @throws {UserError} on input that cannot be used.
 * @throws {MachineError} if there is no adapter, or too little memory.
 *
 * @example
 * ```ts
 * import { embed } from "./embed.ts";
 * import { pretrain } from "../run/pretrain.ts";
 *
 * const out = await Deno.makeTempDir(), log = () => {};
 * await pretrain({ data: "shapes:32", holdout: 0, batch: 16, steps: 2, out, log });
 * for await (const { key, label, width, height, vector } of embed({ run: out, data: "shapes:8", log })) {
 *   console.log(key, label?.name, width, height, vector.length);
 * }
 * ```
 */
export async function* embed(options: EmbedOptions): AsyncGenerator<Embedding> {
  expectEmbedOptions(options);
  using session = await openEmbedding(options);
  const { source, embedder: { dims } } = session, { onBad = badLog(options.log) } = options;
  for await (const { batch, vectors } of session.batches({ onBad })) {
    const { keys, labels, names, widths, heights } = rowsOf(batch, { vectors, source });
    for (const [i, key] of keys.entries()) {
      yield {
        key,
        label: labels[i] < 0 ? null : { index: labels[i], name: names[i]! },
        width: widths[i],
        height: heights[i],
        vector: vectors.slice(i * dims, (i + 1) * dims),
      };
    }
  }
}

/** A batch as rows. */
export function rowsOf(
  { keys, labels, originals }: EvaluationBatch<PackedImage[]>,
  { vectors, source }: { vectors: Float32Array; source: { classes: readonly string[] } },
): EmbeddingRows {
  return {
    keys,
    labels,
    names: Array.from(labels, (label) => label < 0 ? null : classNameOf(source, label)),
    widths: Int32Array.from(originals, (size) => size!.width),
    heights: Int32Array.from(originals, (size) => size!.height),
    vectors,
  };
}

export type { BadImage };

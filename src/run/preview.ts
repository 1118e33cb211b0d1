/**
 * The sheet of views that a run begins with.
 *
 * @module
 */
import { join } from "node:path";
import type { ImageSource } from "../../data/sources/types.ts";
import type { Recipe } from "../../data/views/recipe.ts";
import type { TrainOptions } from "../config/train_defaults.ts";
import { UserError } from "../base/errors.ts";
import { writeFileAtomic } from "../io/atomic.ts";
import { previewSheet } from "../plots/view_sheet.ts";

/** Images on the sheet. */
const PREVIEWED = 8;

/** Shows some of the views of the first epoch. If no image can be used, the run itself says so. */
export async function writePreview(
  source: ImageSource,
  { options: { out, size, seed, decodeSize }, recipe, train, signal }: {
    options: TrainOptions;
    recipe: Recipe;
    train: number | null;
    signal?: AbortSignal;
  },
): Promise<void> {
  const limit = train ?? undefined;
  const sheet = await previewSheet(source, {
    recipe,
    size,
    count: PREVIEWED,
    seed,
    limit,
    decodeSize,
    signal,
  })
    .catch((error) => {
      if (error instanceof UserError || signal?.aborted) return null;
      throw error;
    });
  if (sheet) await writeFileAtomic(join(out, "preview.png"), [sheet]);
}

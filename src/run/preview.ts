/**
 * The sheet of views that a run starts with.
 *
 * @module
 */
import { join } from "node:path";
import type { ImageSource } from "../../data/sources/types.ts";
import type { Recipe } from "../../data/views/recipe.ts";
import { UserError } from "../base/errors.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";
import { writeFileAtomic } from "../io/atomic.ts";
import { previewSheet } from "../plots/view_sheet.ts";
import { STALLED, unlessStalled } from "./patience.ts";

/** Images on the sheet. */
const IMAGES = 8;

/** Draws some views of the first epoch in preview.png. If no image can be used, training reports it. */
export async function writePreview(
  source: ImageSource,
  { options: { out, size, seed, decodeSize, minSide }, recipe, signal }: {
    options: ResolvedOptions;
    recipe: Recipe;
    signal?: AbortSignal;
  },
): Promise<void> {
  const asked = { recipe, size, count: IMAGES, seed, decodeSize, minSide, signal };
  const drawing = previewSheet(source, asked).catch((error) => {
    if (error instanceof UserError || signal?.aborted) return null;
    throw error;
  });
  const sheet = await unlessStalled(drawing, { signal, patienceMs: 0 });
  if (sheet && sheet !== STALLED) await writeFileAtomic(join(out, "preview.png"), [sheet]);
}

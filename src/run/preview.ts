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
import { drawnViews } from "../plots/view_sheet.ts";
import { viewStrip } from "../report/picture.ts";
import { writeReportFile } from "../report/report_files.ts";
import { STALLED, unlessStalled } from "../base/patience.ts";

/** Images on the sheet. */
const IMAGES = 8;

/** Draws some views of the first epoch in preview.png, and for the run's page. If no image can be used, training reports it. */
export async function writePreview(
  source: ImageSource,
  { options: { out, size, seed, decodeSize, minSide }, recipe, signal }: {
    options: ResolvedOptions;
    recipe: Recipe;
    signal?: AbortSignal;
  },
): Promise<void> {
  const asked = { recipe, size, count: IMAGES, seed, decodeSize, minSide, signal };
  const drawing = drawnViews(source, asked).catch((error) => {
    if (error instanceof UserError || signal?.aborted) return null;
    throw error;
  });
  const sheet = await unlessStalled(drawing, { signal, patienceMs: 0 });
  if (!sheet || sheet === STALLED) return;
  await writeFileAtomic(join(out, "preview.png"), [sheet.png]);
  await writeReportFile(out, "views", await viewStrip(sheet.rows));
}

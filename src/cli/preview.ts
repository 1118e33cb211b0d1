/**
 * Draws the views of a recipe: `deno run -P=preview src/cli/preview.ts --data ./photos --recipe byol`. `--help` explains
 * it.
 *
 * @module
 */
import { openSource } from "../../data/sources/open.ts";
import { fromCaller } from "./paths.ts";
import { parsePreviewOptions } from "./preview_options.ts";
import { expectPermissions, needsOf } from "./permissions.ts";
import { runMain } from "./run_main.ts";
import { writeFileAtomic } from "../io/atomic.ts";
import { optionsWithRecipe } from "../config/load_recipe.ts";
import { dataLine, reportOn } from "../eval/data_report.ts";
import { previewSheet } from "../plots/view_sheet.ts";

async function main(args: string[]): Promise<void> {
  const parsed = parsePreviewOptions(args);
  if ("help" in parsed) {
    console.log(parsed.help);
    return;
  }
  const { count = 8, out, ...given } = fromCaller({ ...parsed, out: parsed.out ?? "preview.png" });
  await expectPermissions("preview", needsOf("preview", { ...given, out }));
  // A run with these options draws the same views.
  const { options: { data, split, size, seed, decodeSize, minSide }, recipe } = await optionsWithRecipe(
    given,
  );
  const source = await openSource(data!, { split: split ?? undefined }); // a command line names its data
  try {
    console.log(dataLine(reportOn(source)));
    const onBad = ({ key, reason }: { key: string; reason: string }) =>
      console.error(`Skipped ${key}: ${reason}.`);
    await writeFileAtomic(out, [
      await previewSheet(source, { recipe, size, count, seed, decodeSize, minSide, onBad }),
    ]);
    console.log(`Views of ${source.name} with the recipe ${recipe.name} at ${size} px are in ${out}`);
  } finally {
    source.close();
  }
}

if (import.meta.main) await runMain(main);

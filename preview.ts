/**
 * Shows what a recipe makes of images before training does: `deno run -A preview.ts --data ./photos --recipe byol`.
 * `--help` explains it.
 *
 * @module
 */
import { openSource } from "./data/sources/open.ts";
import { fromCaller } from "./src/cli/paths.ts";
import { parsePreviewOptions } from "./src/cli/preview_options.ts";
import { runMain } from "./src/cli/run_main.ts";
import { writeFileAtomic } from "./src/io/atomic.ts";
import { optionsWithRecipe } from "./src/load_recipe.ts";
import { previewSheet } from "./src/preview.ts";

async function main(args: string[]): Promise<void> {
  const parsed = parsePreviewOptions(args);
  if ("help" in parsed) {
    console.log(parsed.help);
    return;
  }
  const { count = 8, out, ...given } = fromCaller({ ...parsed, out: parsed.out ?? "preview.png" });
  // A run with these options has the same recipe, size and seed by default.
  const { options: { data, size, seed, decodeSize }, recipe } = await optionsWithRecipe(given);
  const source = await openSource(data);
  try {
    const onBad = ({ key, reason }: { key: string; reason: string }) =>
      console.error(`Skipped ${key}: ${reason}.`);
    await writeFileAtomic(out, [
      await previewSheet(source, { recipe, size, count, seed, decodeSize, onBad }),
    ]);
    console.log(`Views of ${source.name} by the recipe ${recipe.name} at ${size} px are in ${out}`);
  } finally {
    source.close();
  }
}

if (import.meta.main) await runMain(main);

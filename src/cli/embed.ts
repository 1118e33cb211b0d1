/**
 * Embeds images: `deno run -P=embed src/cli/embed.ts --run runs/photos-resnet18 --out photos.parquet`. `--help` explains it.
 *
 * @module
 */
import { embedToFiles } from "../export/embed_to_files.ts";
import { createCountProgress } from "./count_progress.ts";
import { createDownloadProgress } from "./download_progress.ts";
import { parseEmbedOptions } from "./embed_options.ts";
import { interruption } from "./interrupt.ts";
import { fromCaller } from "./paths.ts";
import { expectPermissions, needsOf } from "./permissions.ts";
import { runMain } from "./run_main.ts";

async function main(args: string[]): Promise<number> {
  const parsed = parseEmbedOptions(args);
  if ("help" in parsed) {
    console.log(parsed.help);
    return 0;
  }
  const given = fromCaller(parsed);
  await expectPermissions("embed", needsOf("embed", given));
  using download = createDownloadProgress();
  const { onDownload } = download;
  const interrupted = interruption("keeping the rows that are written."), { signal } = interrupted;
  using progress = createCountProgress({ what: "images" });
  const { log, update: onProgress } = progress;
  try {
    const { rows, bad, leftOut, badPath, paths } = await embedToFiles({
      ...given,
      log,
      onProgress,
      signal,
      onDownload,
    });
    const text = (count: number) => count.toLocaleString("en-US");
    const without = [
      ...bad ? [`${text(bad)} images could not be used`] : [],
      ...leftOut ? [`${text(leftOut)} images were left out`] : [],
    ];
    log(`${text(rows)} rows are in ${paths.join(", ")}`);
    if (badPath) log(`${without.join(", ")}: ${badPath}`);
    return 0;
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
    log("Stopped. To continue: run the same command again.");
    return interrupted.exitCode;
  }
}

if (import.meta.main) await runMain(main);

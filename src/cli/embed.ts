/**
 * Embeds images: `deno run -P=embed src/cli/embed.ts --run runs/photos-resnet18 --out photos.parquet`. `--help` explains it.
 *
 * @module
 */
import type { World } from "../distributed/world.ts";
import { embedToFiles, type EmbedToFilesOptions } from "../export/embed_to_files.ts";
import { StoppedError } from "../export/shared_rows.ts";
import { createCountProgress } from "./count_progress.ts";
import { createDownloadProgress } from "./download_progress.ts";
import { parseEmbedOptions } from "./embed_options.ts";
import { inWorld } from "./in_world.ts";
import { interruption } from "./interrupt.ts";
import { fromCaller } from "./paths.ts";
import { expectPermissions, needsOf } from "./permissions.ts";
import { runMain } from "./run_main.ts";

async function main(args: string[]): Promise<number> {
  return await inWorld((world) => command(args, world));
}

/** Does what the arguments say; returns the exit code. Of several processes only the first prints. */
async function command(args: string[], world: World): Promise<number> {
  const parsed = parseEmbedOptions(args);
  if ("help" in parsed) {
    if (world.rank === 0) console.log(parsed.help);
    return 0;
  }
  const given = fromCaller(parsed);
  await expectPermissions("embed", needsOf("embed", given));
  return await embed(given, world);
}

/** Embeds, alone or with other processes; returns the exit code. */
async function embed(given: EmbedToFilesOptions, world: World): Promise<number> {
  const isFirst = world.rank === 0, print = isFirst ? console.log : () => {};
  const interrupted = interruption("keeping the rows that are written.", print), { signal } = interrupted;
  using progress = isFirst
    ? createCountProgress({ what: "images", ...world.size > 1 && { terminal: false } })
    : null;
  const log = progress?.log ?? print, onProgress = progress?.update;
  using download = isFirst ? createDownloadProgress() : null;
  try {
    const options = { ...given, log, onProgress, signal, onDownload: download?.onDownload };
    const { rows, bad, leftOut, badPath, paths } = await embedToFiles(options, { world });
    const text = (count: number) => count.toLocaleString("en-US");
    const without = [
      ...bad ? [`${text(bad)} images could not be used`] : [],
      ...leftOut ? [`${text(leftOut)} images were left out`] : [],
    ];
    log(`${text(rows)} rows are in ${paths.join(", ")}`);
    if (badPath) log(`${without.join(", ")}: ${badPath}`);
    return 0;
  } catch (error) {
    const isStopped = error instanceof StoppedError || signal.aborted && error === signal.reason;
    if (!isStopped) throw error;
    log("Stopped. To continue: run the same command again.");
    return interrupted.exitCode;
  }
}

if (import.meta.main) await runMain(main);

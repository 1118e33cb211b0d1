/**
 * Shows embeddings as a page: `deno run -P=explore src/cli/explore.ts --embeddings photos.parquet --out page.html`. `--help`
 * explains it.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { exploreFlagGroups, type ExploreFlags } from "../config/explore_flags.ts";
import { explore, type ExploreStage } from "../explore/explore.ts";
import { createCommand, type Help, parseCommand } from "./command.ts";
import { type CountProgress, createCountProgress } from "./count_progress.ts";
import { fromCaller } from "./paths.ts";
import { expectPermissions, needsOf } from "./permissions.ts";
import { runMain } from "./run_main.ts";

/** Reads the arguments. Prints nothing and never exits. */
export function parseExploreOptions(
  args: readonly string[],
): ExploreFlags & { embeddings: string } | Help {
  const about =
    "Shows embeddings as a page: a map, the neighbors of each image, clusters, outliers and near-duplicates.";
  const parsed = parseCommand<ExploreFlags>(
    createCommand("explore", { about, groups: exploreFlagGroups }),
    args,
  );
  if ("help" in parsed) return parsed;
  const { embeddings } = parsed;
  if (embeddings !== undefined) return { ...parsed, embeddings };
  throw new UserError("Cannot explore without embeddings. Add --embeddings FILE, which ./run embed writes.");
}

/** A progress display that begins anew with each stage. */
class StageProgress implements Disposable {
  #stage: ExploreStage | null = null;
  #display: CountProgress | null = null;

  readonly update = (stage: ExploreStage, done: number, total: number) => {
    if (stage !== this.#stage) {
      this[Symbol.dispose]();
      this.#stage = stage;
      this.#display = createCountProgress({ what: stage });
    }
    this.#display!.update(done, total);
  };

  readonly log = (line: string) => this.#display ? this.#display.log(line) : console.log(line);

  [Symbol.dispose](): void {
    this.#display?.[Symbol.dispose]();
    this.#display = null;
    this.#stage = null;
  }
}

async function main(args: string[]): Promise<void> {
  const parsed = parseExploreOptions(args);
  if ("help" in parsed) {
    console.log(parsed.help);
    return;
  }
  const given = fromCaller({ ...parsed, out: parsed.out ?? "explore.html" });
  await expectPermissions("explore", needsOf("explore", given));
  using progress = new StageProgress();
  const page = await explore({ ...given, log: progress.log, onProgress: progress.update });
  const text = (count: number) => count.toLocaleString("en-US");
  progress.log(
    `${text(page.images)} images (${text(page.thumbnails)} with thumbnails), ${page.maps.join(" and ")}, ` +
      `${text(page.groups)} group${page.groups === 1 ? "" : "s"} of near-duplicates: ${page.path} ` +
      `(${(page.bytes / 1e6).toFixed(1)} MB)` +
      (page.sheets === null ? "" : `, with the folder ${page.sheets}`),
  );
}

if (import.meta.main) await runMain(main);

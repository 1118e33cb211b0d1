/**
 * Groups near-duplicates: `deno run -P=duplicates src/cli/duplicates.ts --embeddings photos.parquet --out groups.csv`. `--help`
 * explains it.
 *
 * @module
 */
import { findDuplicates } from "../export/duplicates.ts";
import { duplicatesTable } from "../export/tables.ts";
import { writeFileAtomic } from "../io/atomic.ts";
import { createCountProgress } from "./count_progress.ts";
import { parseDuplicatesOptions } from "./embed_options.ts";
import { fromCaller } from "./paths.ts";
import { expectPermissions, needsOf } from "./permissions.ts";
import { runMain } from "./run_main.ts";

async function main(args: string[]): Promise<void> {
  const parsed = parseDuplicatesOptions(args);
  if ("help" in parsed) {
    console.log(parsed.help);
    return;
  }
  const { out, ...given } = fromCaller({ ...parsed, out: parsed.out ?? "duplicates.csv" });
  const table = duplicatesTable(out);
  await expectPermissions("duplicates", needsOf("duplicates", { out }));
  using progress = createCountProgress({ what: "pairs" });
  const { log, update: onProgress } = progress;
  const groups = await findDuplicates({ ...given, log, onProgress });
  const members = groups.reduce((sum, group) => sum + group.length, 0);
  const text = (count: number) => count.toLocaleString("en-US");
  await writeFileAtomic(out, table(groups));
  const plural = groups.length === 1 ? "" : "s";
  log(`${text(members)} images in ${text(groups.length)} group${plural} of duplicates: ${out}`);
}

if (import.meta.main) await runMain(main);

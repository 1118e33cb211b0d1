/**
 * Names similar images: `deno run -P=similar src/cli/similar.ts --embeddings photos.parquet --query cat.jpg`. `--help` explains
 * it.
 *
 * @module
 */
import { environmentVariable } from "../base/environment.ts";
import { alignColumns } from "../base/format.ts";
import { findSimilar } from "../export/similar.ts";
import { similarTable } from "../export/tables.ts";
import { writeFileAtomic } from "../io/atomic.ts";
import { parseSimilarOptions } from "./embed_options.ts";
import { fromCaller } from "./paths.ts";
import { expectPermissions, needsOf } from "./permissions.ts";
import { runMain } from "./run_main.ts";

async function main(args: string[]): Promise<void> {
  const parsed = parseSimilarOptions(args);
  if ("help" in parsed) {
    console.log(parsed.help);
    return;
  }
  const { out, ...given } = fromCaller(parsed);
  const table = out === undefined ? null : similarTable(out);
  await expectPermissions("similar", needsOf("similar", { out, encoder: given.encoder }));
  // A query may be a key, which is no path.
  const found = await findSimilar({ ...given, folder: environmentVariable("INIT_CWD") });
  for (const { query, neighbors } of found) {
    const lines = neighbors.map(({ key, cosine }) => [key, cosine.toFixed(4)]);
    console.log(alignColumns([[`similar to ${query}`, "cosine"], ...lines]).join("\n"));
  }
  if (out === undefined || !table) return;
  await writeFileAtomic(out, [new TextEncoder().encode(table(found))]);
  console.log(`Written: ${out}`);
}

if (import.meta.main) await runMain(main);

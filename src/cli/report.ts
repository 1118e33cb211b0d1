/**
 * Makes the page of a run again: `deno run -P=report src/cli/report.ts runs/photos-resnet18`. `--help` explains it.
 *
 * @module
 */
import { writePage } from "../report/page_file.ts";
import { RunFiles } from "../report/run_files.ts";
import { fromCaller } from "./paths.ts";
import { expectPermissions, needsOf } from "./permissions.ts";
import { parseReportOptions } from "./report_options.ts";
import { runMain } from "./run_main.ts";

async function main(args: string[]): Promise<void> {
  const parsed = parseReportOptions(args);
  if ("help" in parsed) {
    console.log(parsed.help);
    return;
  }
  const { folders } = fromCaller(parsed);
  await expectPermissions("report", needsOf("report", { out: folders }));
  for (const folder of folders) console.log(`Written: ${await writePage(new RunFiles(folder))}`);
}

if (import.meta.main) await runMain(main);

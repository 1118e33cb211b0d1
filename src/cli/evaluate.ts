/**
 * Scores an encoder: `deno run -P=evaluate src/cli/evaluate.ts --run runs/photos-resnet18`. `--help` explains it.
 *
 * @module
 */
import { drawConfusion, drawEvaluation } from "../eval/draw_evaluation.ts";
import { formatEvaluation } from "../eval/format_evaluation.ts";
import { evaluate } from "../eval/protocol.ts";
import { createDownloadProgress } from "./download_progress.ts";
import { parseEvaluateOptions } from "./evaluate_options.ts";
import { fromCaller } from "./paths.ts";
import { expectPermissions, needsOf } from "./permissions.ts";
import { runMain } from "./run_main.ts";

async function main(args: string[]): Promise<void> {
  const parsed = parseEvaluateOptions(args);
  if ("help" in parsed) {
    console.log(parsed.help);
    return;
  }
  const { map, ...given } = fromCaller(parsed);
  await expectPermissions("evaluate", needsOf("evaluate", given));
  using download = createDownloadProgress();
  const { onDownload } = download;
  const draw = map ? drawEvaluation : drawConfusion;
  const report = await evaluate({ ...given, draw, log: console.log, onDownload });
  console.log(formatEvaluation(report));
  console.log(`Written: ${report.paths.join(", ")}`);
}

if (import.meta.main) await runMain(main);

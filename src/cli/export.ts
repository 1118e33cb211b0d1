/**
 * Exports an encoder: `deno run -P=export src/cli/export.ts --run runs/photos-resnet18 --format onnx`. `--help` explains it.
 *
 * @module
 */
import { defaultExport } from "../config/export_flags.ts";
import { exportEncoder } from "../export/export_encoder.ts";
import { formatExport } from "../export/format_export.ts";
import { createDownloadProgress } from "./download_progress.ts";
import { parseExportOptions } from "./export_options.ts";
import { fromCaller } from "./paths.ts";
import { expectPermissions, needsOf } from "./permissions.ts";
import { runMain } from "./run_main.ts";

async function main(args: string[]): Promise<void> {
  const parsed = parseExportOptions(args);
  if ("help" in parsed) {
    console.log(parsed.help);
    return;
  }
  const given = fromCaller({ ...parsed, out: parsed.out ?? defaultExport(parsed.format ?? "onnx") });
  await expectPermissions("export", needsOf("export", given));
  using download = createDownloadProgress();
  const { onDownload } = download;
  console.log(formatExport(await exportEncoder({ ...given, log: console.log, onDownload })));
}

if (import.meta.main) await runMain(main);

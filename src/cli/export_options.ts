/**
 * The command line of src/cli/export.ts.
 *
 * @module
 */
import { exportFlagGroups, type ExportFlags } from "../config/export_flags.ts";
import { createCommand, type Help, parseCommand } from "./command.ts";

/**
 * Reads the arguments of src/cli/export.ts. Prints nothing and never exits.
 *
 * @throws {UserError} on an unknown option, naming the nearest known one, and on a value of the wrong type or range.
 */
export function parseExportOptions(args: readonly string[]): ExportFlags | Help {
  const about =
    "Writes an encoder as a file for other programs: an ONNX model, a folder for transformers.js, or safetensors.";
  const command = createCommand("export", { about, groups: exportFlagGroups });
  return parseCommand<ExportFlags>(command, args);
}

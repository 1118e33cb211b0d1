/**
 * The options of src/cli/export.ts, as data. An option's flag is its name in kebab case.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { checkBackbone, expectFlags } from "./check_options.ts";
import { encoderFlags } from "./evaluate_flags.ts";
import { type Flag, flag } from "./flag.ts";
import { choice, integer, text, toggle } from "./option_types.ts";

/** A kind of file that is exported. */
export type ExportFormat = "onnx" | "transformers" | "safetensors" | "torch-names";

const formats: ExportFormat[] = ["onnx", "transformers", "safetensors", "torch-names"];

/** The opsets whose operators mean what the graph needs. */
const opsets = { min: 13, max: 21 } as const;

/** The opset that is written if none is asked for. */
export const DEFAULT_OPSET = 17;

const encoder = { ...encoderFlags, run: flag(text("DIR"), "folder of a run: its encoder", "none") };

const file = {
  format: flag(
    choice(...formats),
    "onnx: an ONNX model; transformers: a folder that transformers.js loads; safetensors: weights under torchvision's " +
      "names; torch-names: weights under the names of PyTorch Image Models (timm), with the counters of batches",
    "onnx",
  ),
  out: flag(
    text("PATH"),
    "what to write",
    "model.onnx, model.safetensors or the folder model, by the format",
  ),
  f16: flag(toggle(), "store weights in 16 bits (safetensors, torch-names)", "32 bits"),
};

const graph = {
  opset: flag(
    integer(opsets),
    "version of ONNX's operators",
    DEFAULT_OPSET,
  ),
  preprocess: flag(
    toggle(),
    "the graph takes decoded images of any size and resizes, crops and normalizes them as evaluations do",
    "it takes normalized images",
  ),
  fold: {
    ...flag(toggle(), "keep batch normalizations apart from the convolutions", "they are folded"),
    negated: true,
  },
};

/** The options by their headings in `--help`. */
export const exportFlagGroups = { encoder, file, graph };

const flags = { ...encoder, ...file, ...graph };

/** The options given on the command line. */
export type ExportFlags = {
  [K in keyof typeof flags]?: typeof flags[K] extends Flag<infer T> ? T : never;
};

/** Whether files of `format` hold a graph. */
export const hasGraph = (format: ExportFormat): format is "onnx" | "transformers" =>
  format === "onnx" || format === "transformers";

/** Where a file of `format` is written if no path is given. */
export const defaultExport = (format: ExportFormat): string =>
  format === "transformers" ? "model" : `model.${format === "onnx" ? "onnx" : "safetensors"}`;

/** Refuses unknown options, values out of range, and options that the format has no use for. */
export function expectExportOptions(given: ExportFlags): void {
  expectFlags(given, {
    flags,
    unchecked: ["log", "onDownload", "signal"],
    checks: { backbone: checkBackbone },
  });
  const { format = "onnx", opset, preprocess, fold, f16 } = given;
  const useless = hasGraph(format) ? { f16 } : { opset, preprocess, fold };
  const [name] = Object.entries(useless).find(([, value]) => value !== undefined) ?? [];
  if (name !== undefined) {
    throw new UserError(
      `Cannot use the option "${name}": the format ${format} has ${
        hasGraph(format) ? "weights of 32 bits" : "no graph"
      }. Leave it out, or choose --format ${hasGraph(format) ? "safetensors" : "onnx"}.`,
    );
  }
}

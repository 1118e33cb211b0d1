/**
 * The files of an exported graph: an ONNX model alone, or with the configuration that transformers.js reads.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { DEFAULT_OPSET } from "../config/export_flags.ts";
import { featuresOf } from "../nn/backbone.ts";
import type { EvaluatedEncoder } from "../eval/evaluated_encoder.ts";
import type { Exported } from "./exported.ts";
import { DEFAULT_NAMES, encodeOnnx, type GraphInput } from "./onnx.ts";
import { leastOpset } from "./onnx_network.ts";
import { openReference } from "./reference_features.ts";
import { MODEL_PATH, transformersConfigs, transformersNames } from "./transformers_configs.ts";
import type { ExportOptions } from "./types.ts";
import { verifyOnnx } from "./verify_onnx.ts";

const INPUTS: Record<GraphInput, string> = {
  views: "normalized images, float32 [N, 3, H, W]",
  bytes: "decoded images, uint8 [N, H, W, 3]",
  pixels: "decoded images in 0 … 255, float32 [N, 3, H, W]",
};

/** The model of `encoder`, once onnxruntime gave the encoder's features by it, and what stands beside it. */
export async function encodeGraph(
  encoder: EvaluatedEncoder,
  options: Pick<ExportOptions, "opset" | "preprocess" | "fold" | "signal"> & {
    format: "onnx" | "transformers";
    metadata: Readonly<Record<string, string>>;
    log: (line: string) => void;
  },
): Promise<Exported> {
  const { format, preprocess = false, fold, metadata, log, signal } = options;
  const isFolder = format === "transformers", { config, stem, tensors } = encoder;
  const takes = !preprocess ? "views" : isFolder ? "pixels" : "bytes";
  const names = isFolder ? transformersNames : DEFAULT_NAMES;
  const { opset = DEFAULT_OPSET } = options, dims = featuresOf(config);
  const network = { config, stem, tensors }, least = leastOpset(config);
  if (opset < least) {
    throw new UserError(
      `Cannot export ${encoder.backbone} with opset ${opset}: its layer normalization needs ${least} or later. Raise ` +
        "--opset.",
    );
  }
  const model = await encodeOnnx({
    network,
    preparation: encoder,
    dims,
    takes,
    names,
    fold,
    opset,
    metadata: { ...metadata, input: INPUTS[takes] },
  });
  log(`Comparing its features with the GPU's by onnxruntime-web, on random images`);
  using reference = await openReference(encoder);
  const agreement = await verifyOnnx(model, { encoder, reference, takes, names, signal });
  const configs = isFolder ? transformersConfigs(encoder, { dims, takes }) : [];
  const files = [{ path: isFolder ? MODEL_PATH : "", chunks: [model] }, ...configs];
  return { files, dims, input: INPUTS[takes], opset, agreement };
}

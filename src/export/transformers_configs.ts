/**
 * The folder that transformers.js loads: config.json and preprocessor_config.json beside onnx/model.onnx.
 *
 * @module
 */
import type { EvaluatedEncoder } from "../eval/evaluated_encoder.ts";
import type { ExportedFile } from "./exported.ts";
import type { GraphInput, GraphNames } from "./onnx.ts";

/** Where the model lies in the folder. */
export const MODEL_PATH = "onnx/model.onnx";

/**
 * The names that its pipeline for features reads: image_embeds, and pooler_output if it is called with `pool`. Both have the
 * features.
 */
export const transformersNames: GraphNames = {
  input: "pixel_values",
  outputs: ["image_embeds", "pooler_output"],
};

/** Pillow's number of bicubic resampling. */
const BICUBIC = 3;

/** The two configurations of `encoder`, whose graph takes `takes` and gives features of length `dims`. */
export function transformersConfigs(
  { backbone, config: { block }, stem, size, mean, std }: EvaluatedEncoder,
  { dims, takes }: { dims: number; takes: GraphInput },
): ExportedFile[] {
  const config = {
    // It decides the class alone, which runs the graph: the layers are there.
    ...block === "convnext"
      ? { model_type: "convnext", architectures: ["ConvNextModel"] }
      : { model_type: "resnet", architectures: ["ResNetModel"] },
    hidden_size: dims,
    image_size: size,
    num_channels: 3,
    backbone,
    stem,
    // Otherwise it looks for a quantized model in browsers.
    "transformers.js_config": { dtype: "fp32" },
  };
  const prepares = takes === "views"; // otherwise the graph does
  const preprocessor = {
    image_processor_type: "ImageFeatureExtractor",
    do_convert_rgb: true,
    do_resize: prepares,
    size: { shortest_edge: size },
    resample: BICUBIC,
    do_center_crop: prepares,
    crop_size: { height: size, width: size },
    do_rescale: prepares,
    rescale_factor: 1 / 255,
    do_normalize: prepares,
    image_mean: mean,
    image_std: std,
  };
  return [jsonFile("config.json", config), jsonFile("preprocessor_config.json", preprocessor)];
}

function jsonFile(path: string, content: object): ExportedFile {
  return { path, chunks: [new TextEncoder().encode(`${JSON.stringify(content, null, 2)}\n`)] };
}

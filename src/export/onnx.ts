/**
 * An encoder as an ONNX model.
 *
 * @module
 */
import { GraphBuilder } from "./onnx_graph.ts";
import { appendPreparation, type Preparation, PREPROCESS_OPSET } from "./onnx_preprocess.ts";
import { appendResNet, type ResNetWeights } from "./onnx_resnet.ts";

/** The opset that is written if none is asked for. */
export const DEFAULT_OPSET = 17;

/** What is exported, and how. */
export interface OnnxOptions {
  network: ResNetWeights;
  preparation: Preparation;
  /** Length of the features. */
  dims: number;
  /** Whether the graph takes decoded images, uint8 [N, H, W, 3], and prepares them itself. */
  preprocess?: boolean;
  /** Whether batch normalizations become part of the convolutions. Default: true. */
  fold?: boolean;
  /** Default: 17; 18 with `preprocess`. */
  opset?: number;
  /** Texts beside the graph. */
  metadata?: Readonly<Record<string, string>>;
}

/**
 * The bytes of an .onnx file: `images`, float32 [N, 3, H, W] normalized by mean and std, to `features`, float32 [N, D]. N, H
 * and W are free.
 */
export function encodeOnnx(options: OnnxOptions): Uint8Array {
  const { network, preparation, dims, preprocess = false, fold = true, metadata = {} } = options;
  const opset = options.opset ?? (preprocess ? PREPROCESS_OPSET : DEFAULT_OPSET);
  const graph = new GraphBuilder(), [N, H, W] = ["batch", "height", "width"];
  const images = preprocess
    ? graph.input("images", { type: "uint8", shape: [N, H, W, 3] })
    : graph.input("images", { type: "float", shape: [N, 3, H, W] });
  const prepared = preprocess ? appendPreparation(graph, images, preparation) : images;
  const features = appendResNet(graph, prepared, { network, fold });
  graph.output(features, { type: "float", shape: [N, dims] });
  return graph.encode({ opset, metadata });
}

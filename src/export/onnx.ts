/**
 * An encoder as an ONNX model.
 *
 * @module
 */
import { DEFAULT_OPSET } from "../config/export_flags.ts";
import type { NetworkWeights } from "./network_weights.ts";
import { appendNetwork } from "./onnx_network.ts";
import { GraphBuilder, type Value } from "./onnx_graph.ts";
import { DATA_TYPES } from "./onnx_schema.ts";
import { appendPreparation, type Preparation } from "./onnx_preprocess.ts";

/**
 * What a graph takes: normalized `views`, float32 [N, 3, H, W]; decoded images as `bytes`, uint8 [N, H, W, 3], or as
 * `pixels`, float32 [N, 3, H, W] in 0 … 255.
 */
export type GraphInput = "views" | "bytes" | "pixels";

/** What is exported, and how. */
export interface OnnxOptions {
  network: NetworkWeights;
  preparation: Preparation;
  /** Length of the features. */
  dims: number;
  /** What the graph takes; it prepares decoded images itself. Default: `views`. */
  takes?: GraphInput;
  /** Names of the input and of the outputs, which all have the features. Default: `images` and `features`. */
  names?: GraphNames;
  /** Whether batch normalizations become part of the convolutions. Default: true. */
  fold?: boolean;
  /** Default: 17. */
  opset?: number;
  /** Texts beside the graph. */
  metadata?: Readonly<Record<string, string>>;
}

/** How the input and the outputs of a graph are called. */
export interface GraphNames {
  input: string;
  outputs: readonly [string, ...string[]];
}

/** The names that are taken if none are given. */
export const DEFAULT_NAMES: GraphNames = { input: "images", outputs: ["features"] };

/** The bytes of an .onnx file: images to features, float32 [N, D]. N, H and W are free. */
export async function encodeOnnx(options: OnnxOptions): Promise<Uint8Array<ArrayBuffer>> {
  const { network, preparation, dims, takes = "views", fold = true, metadata = {} } = options,
    { opset = DEFAULT_OPSET } = options;
  const { input, outputs: [output, ...others] } = options.names ?? DEFAULT_NAMES;
  const graph = new GraphBuilder(), [N, H, W] = ["batch", "height", "width"];
  const images = takes === "bytes"
    ? graph.input(input, { type: "uint8", shape: [N, H, W, 3] })
    : graph.input(input, { type: "float", shape: [N, 3, H, W] });
  const pixels = takes === "bytes" ? appendPlanes(graph, images) : images;
  const views = takes === "views" ? pixels : appendPreparation(graph, pixels, preparation);
  const features = appendNetwork(graph, views, { network, fold, name: output });
  const values = [features, ...others.map((name) => graph.node("Identity", [features], { name }))];
  for (const value of values) graph.output(value, { type: "float", shape: [N, dims] });
  return await graph.encode({ opset, metadata });
}

/** Bytes of pixels, [N, H, W, 3], as float32 planes, [N, 3, H, W]. */
function appendPlanes(graph: GraphBuilder, images: Value): Value {
  const planes = graph.node("Transpose", [images], { name: "planes", attributes: { perm: [0, 3, 1, 2] } });
  return graph.node("Cast", [planes], { name: "pixels", attributes: { to: DATA_TYPES.float } });
}

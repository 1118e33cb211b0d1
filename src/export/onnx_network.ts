/**
 * The networks that can be exported, by their configuration. Each kind has a file of its own beside this one.
 *
 * @module
 */
import type { BackboneConfig } from "../nn/backbones.ts";
import type { AppendOptions } from "./network_weights.ts";
import { appendConvNeXt } from "./onnx_convnext.ts";
import type { GraphBuilder, Value } from "./onnx_graph.ts";
import { appendResNet } from "./onnx_resnet.ts";

/** The first opset that has the operators of a network. */
export const leastOpset = ({ block }: BackboneConfig): number => block === "convnext" ? 17 : 13;

/** Appends a network to `graph`: views [N, 3, H, W] → features [N, D]. */
export function appendNetwork(
  graph: GraphBuilder,
  views: Value,
  { network: { config, ...weights }, ...options }: AppendOptions,
): Value {
  return config.block === "convnext"
    ? appendConvNeXt(graph, views, { ...options, network: { ...weights, config } })
    : appendResNet(graph, views, { ...options, network: { ...weights, config } });
}

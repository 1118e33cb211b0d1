/**
 * The networks that can be exported, by their configuration. Each kind has a file of its own beside this one.
 *
 * @module
 */
import type { GraphBuilder, Value } from "./onnx_graph.ts";
import { appendResNet, type ResNetWeights } from "./onnx_resnet.ts";

/** A network and its weights. */
export type NetworkWeights = ResNetWeights;

/** Appends `network` to `graph`: views [N, 3, H, W] → features [N, D], called `name`. */
export function appendNetwork(
  graph: GraphBuilder,
  views: Value,
  { network, fold, name }: { network: NetworkWeights; fold: boolean; name: string },
): Value {
  return appendResNet(graph, views, { network, fold, name });
}

/**
 * A ConvNeXt as an ONNX graph, in torchvision's names. Norms and linear layers work on channels last, as in torchvision.
 *
 * @module
 */
import type { ConvNeXtConfig } from "../nn/backbones.ts";
import { patchSide } from "../nn/convnext.ts";
import { type AppendOptions, type NetworkWeights, tensorOf } from "./network_weights.ts";
import type { GraphBuilder, Value } from "./onnx_graph.ts";

/** Added to the variance, as in src/ops/layer_norm.ts and in torchvision. */
const EPSILON = 1e-6;

/** Side of the depthwise convolutions, in pixels. */
const DEPTHWISE = 7;

/** Appends the network to `graph`: views [N, 3, H, W] → features [N, D], called `name`. */
export function appendConvNeXt(
  graph: GraphBuilder,
  views: Value,
  { network, fold, name }: AppendOptions<ConvNeXtConfig>,
): Value {
  const { config: { layers }, stem } = network, layer = new LayerAppender(graph, { network, fold });
  let x = views;
  layers.forEach((count, stage) => {
    const first = `features.${2 * stage}`;
    x = stage === 0
      ? layer.pixelNorm(`${first}.1`, layer.patches(`${first}.0`, x, patchSide(stem)))
      : layer.patches(`${first}.1`, layer.pixelNorm(`${first}.0`, x), 2);
    for (let i = 0; i < count; i++) x = layer.block(`features.${2 * stage + 1}.${i}`, x);
  });
  const pooled = graph.node("GlobalAveragePool", [x], { name: "avgpool" });
  const flat = graph.node("Flatten", [pooled], { name: "flat", attributes: { axis: 1 } });
  return layer.norm("classifier.0", flat, name);
}

/** Appends layers with their weights. */
class LayerAppender {
  readonly #graph: GraphBuilder;
  readonly #network: NetworkWeights;
  readonly #fold: boolean;

  constructor(graph: GraphBuilder, { network, fold }: { network: NetworkWeights; fold: boolean }) {
    this.#graph = graph;
    this.#network = network;
    this.#fold = fold;
  }

  /** A convolution with bias of patches that touch. */
  patches(name: string, x: Value, side: number): Value {
    const attributes = { kernel_shape: [side, side], strides: [side, side] };
    return this.#graph.node("Conv", [x, ...this.#weights(name)], { name, attributes });
  }

  /** A normalization of the last axis. */
  norm(prefix: string, x: Value, name = prefix): Value {
    const attributes = { axis: -1, epsilon: { float: EPSILON } };
    return this.#graph.node("LayerNormalization", [x, ...this.#weights(prefix)], { name, attributes });
  }

  /** A normalization of the channels of each pixel of x [N, C, H, W]. */
  pixelNorm(name: string, x: Value): Value {
    return this.#channelsFirst(name, this.norm(name, this.#channelsLast(name, x)));
  }

  /** x + layer scale · (7 × 7 depthwise → norm → linear → GELU → linear) */
  block(prefix: string, x: Value): Value {
    const graph = this.#graph, parts = `${prefix}.block`, side = DEPTHWISE, pad = (side - 1) / 2;
    const [group] = this.#tensor(`${parts}.0.weight`).shape;
    const attributes = { kernel_shape: [side, side], pads: [pad, pad, pad, pad], group };
    const depthwise = graph.node("Conv", [x, ...this.#weights(`${parts}.0`)], {
      name: `${parts}.0`,
      attributes,
    });
    const normalized = this.norm(`${parts}.2`, this.#channelsLast(parts, depthwise));
    const wide = this.#gelu(`${parts}.4`, this.#linear(`${parts}.3`, normalized));
    const scale = this.#tensor(`${prefix}.layer_scale`).data;
    let branch = this.#linear(`${parts}.5`, wide, this.#fold ? scale : undefined);
    if (!this.#fold) {
      const factor = graph.floats(`${prefix}.layer_scale`, { shape: [scale.length], data: scale });
      branch = graph.node("Mul", [branch, factor], { name: `${prefix}.scaled` });
    }
    return graph.node("Add", [x, this.#channelsFirst(parts, branch)], { name: `${prefix}.add` });
  }

  /** A linear layer of the last axis, whose outputs are multiplied by `scale`. */
  #linear(name: string, x: Value, scale?: Float32Array): Value {
    const graph = this.#graph, { shape: [out, inner], data } = this.#tensor(`${name}.weight`);
    const w = new Float32Array(data.length), bias = Float32Array.from(this.#tensor(`${name}.bias`).data);
    for (let k = 0; k < out; k++) {
      const factor = scale?.[k] ?? 1;
      bias[k] *= factor;
      for (let c = 0; c < inner; c++) w[c * out + k] = factor * data[k * inner + c];
    }
    const weight = graph.floats(`${name}.weight`, { shape: [inner, out], data: w });
    const product = graph.node("MatMul", [x, weight], { name: `${name}.product` });
    const b = graph.floats(`${name}.bias`, { shape: [out], data: bias });
    return graph.node("Add", [product, b], { name });
  }

  /** x · Φ(x) = ½ · x · (1 + erf(x / √2)) */
  #gelu(prefix: string, x: Value): Value {
    const node = (opType: string, inputs: Value[], name: string) =>
      this.#graph.node(opType, inputs, { name: `${prefix}.${name}` });
    const number = (name: string, value: number) =>
      this.#graph.floats(`${prefix}.${name}`, { shape: [], data: Float32Array.of(value) });
    const erf = node("Erf", [node("Div", [x, number("root", Math.SQRT2)], "quotient")], "erf");
    const twice = node("Mul", [x, node("Add", [erf, number("one", 1)], "sum")], "twice");
    return node("Mul", [twice, number("half", .5)], "y");
  }

  #channelsLast(name: string, x: Value): Value {
    return this.#graph.node("Transpose", [x], { name: `${name}.last`, attributes: { perm: [0, 2, 3, 1] } });
  }

  #channelsFirst(name: string, x: Value): Value {
    return this.#graph.node("Transpose", [x], { name: `${name}.first`, attributes: { perm: [0, 3, 1, 2] } });
  }

  /** Weight and bias as they are. */
  #weights(name: string): Value[] {
    return ["weight", "bias"].map((part) =>
      this.#graph.floats(`${name}.${part}`, this.#tensor(`${name}.${part}`))
    );
  }

  #tensor(name: string) {
    return tensorOf(this.#network, name);
  }
}

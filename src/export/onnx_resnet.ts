/**
 * A residual network as an ONNX graph, in torchvision's names.
 *
 * @module
 */
import type { ResNetConfig } from "../nn/backbones.ts";
import { type AppendOptions, type NetworkWeights, tensorOf } from "./network_weights.ts";
import type { GraphBuilder, Value } from "./onnx_graph.ts";

/** Added to the variance, as in src/ops/batch_norm.ts and in PyTorch. */
const EPSILON = 1e-5;

/** The tensors of a batch normalization, in the order of ONNX's inputs. */
const NORM_TENSORS = ["weight", "bias", "running_mean", "running_var"];

/** Appends the network to `graph`: views [N, 3, H, W] → features [N, D], called `name`. */
export function appendResNet(
  graph: GraphBuilder,
  images: Value,
  { network, fold, name }: AppendOptions<ResNetConfig>,
): Value {
  const { config: { block, layers }, stem } = network;
  const layer = new LayerAppender(graph, { network, fold });
  const first = stem === "imagenet" ? { stride: 2, pad: 3 } : { stride: 1, pad: 1 };
  let x = layer.relu("relu", layer.convolution({ conv: "conv1", norm: "bn1" }, images, first));
  if (stem === "imagenet") {
    const attributes = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] };
    x = graph.node("MaxPool", [x], { name: "maxpool", attributes });
  }
  layers.forEach((count, stage) => {
    for (let i = 0; i < count; i++) {
      const prefix = `layer${stage + 1}.${i}`, stride = stage > 0 && i === 0 ? 2 : 1;
      x = block === "basic"
        ? basicBlock(layer, x, { prefix, stride })
        : bottleneck(layer, x, { prefix, stride });
    }
  });
  const pooled = graph.node("GlobalAveragePool", [x], { name: "avgpool" });
  return graph.node("Flatten", [pooled], { name, attributes: { axis: 1 } });
}

type Block = { prefix: string; stride: number };

function basicBlock(layer: LayerAppender, x: Value, { prefix, stride }: Block): Value {
  const names = (n: number) => ({ conv: `${prefix}.conv${n}`, norm: `${prefix}.bn${n}` });
  const h = layer.relu(`${prefix}.relu1`, layer.convolution(names(1), x, { stride, pad: 1 }));
  return layer.join(
    prefix,
    layer.convolution(names(2), h, { stride: 1, pad: 1 }),
    layer.shortcut(prefix, x, stride),
  );
}

function bottleneck(layer: LayerAppender, x: Value, { prefix, stride }: Block): Value {
  const names = (n: number) => ({ conv: `${prefix}.conv${n}`, norm: `${prefix}.bn${n}` });
  let h = layer.relu(`${prefix}.relu1`, layer.convolution(names(1), x, { stride: 1, pad: 0 }));
  h = layer.relu(`${prefix}.relu2`, layer.convolution(names(2), h, { stride, pad: 1 }));
  return layer.join(
    prefix,
    layer.convolution(names(3), h, { stride: 1, pad: 0 }),
    layer.shortcut(prefix, x, stride),
  );
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

  relu(name: string, x: Value): Value {
    return this.#graph.node("Relu", [x], { name });
  }

  /** The sum of a block and its shortcut, and their activation. */
  join(prefix: string, x: Value, shortcut: Value): Value {
    return this.relu(`${prefix}.relu`, this.#graph.node("Add", [x, shortcut], { name: `${prefix}.add` }));
  }

  shortcut(prefix: string, x: Value, stride: number): Value {
    const names = { conv: `${prefix}.downsample.0`, norm: `${prefix}.downsample.1` };
    return this.#network.tensors.has(`${names.conv}.weight`)
      ? this.convolution(names, x, { stride, pad: 0 })
      : x;
  }

  /** A convolution and its batch normalization: one node if it is folded, else two. */
  convolution(
    { conv, norm }: { conv: string; norm: string },
    x: Value,
    { stride, pad }: { stride: number; pad: number },
  ): Value {
    const graph = this.#graph, weight = this.#tensor(`${conv}.weight`), [, , R, S] = weight.shape;
    const attributes = { kernel_shape: [R, S], strides: [stride, stride], pads: [pad, pad, pad, pad] };
    if (!this.#fold) {
      const w = graph.floats(`${conv}.weight`, weight);
      const y = graph.node("Conv", [x, w], { name: conv, attributes });
      const parameters = NORM_TENSORS.map((name) =>
        graph.floats(`${norm}.${name}`, this.#tensor(`${norm}.${name}`))
      );
      const options = { name: norm, attributes: { epsilon: { float: EPSILON } } };
      return graph.node("BatchNormalization", [y, ...parameters], options);
    }
    const [gamma, beta, mean, variance] = NORM_TENSORS.map((name) => this.#tensor(`${norm}.${name}`));
    const scale = gamma.data.map((value, k) => value / Math.sqrt(variance.data[k] + EPSILON));
    const w = Float32Array.from(weight.data), length = w.length / scale.length;
    for (let k = 0, i = 0; k < scale.length; k++) {
      for (const end = i + length; i < end; i++) w[i] *= scale[k];
    }
    const bias = beta.data.map((value, k) => value - mean.data[k] * scale[k]);
    return graph.node("Conv", [
      x,
      graph.floats(`${conv}.weight`, { shape: weight.shape, data: w }),
      graph.floats(`${conv}.bias`, { shape: beta.shape, data: bias }),
    ], { name: conv, attributes });
  }

  #tensor(name: string) {
    return tensorOf(this.#network, name);
  }
}

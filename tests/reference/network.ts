/**
 * The online network's forward pass, made of the references, on parameters named and laid out as PyTorch's.
 *
 * @module
 */

import { add } from "../../src/reference/add.ts";
import { batchNorm } from "../../src/reference/batch_norm.ts";
import { conv2d } from "../../src/reference/conv2d.ts";
import { globalAveragePool } from "../../src/reference/global_average_pool.ts";
import { linear } from "../../src/reference/linear.ts";
import { outputSize } from "../../src/reference/output_size.ts";
import { relu } from "../../src/reference/relu.ts";

/** Parameters by name, such as `backbone.layer1.0.conv1.weight`. */
export type Parameters = Map<string, { shape: readonly number[]; data: ArrayLike<number> }>;

/** x [N, H, W, C] of `groups` views, view after view. */
interface Activation {
  x: ArrayLike<number>;
  N: number;
  H: number;
  W: number;
  C: number;
}

const groups = 2;

/** [K, inner, outer] → [outer, inner, K]: a weight in our layout, with outer = R·S, or 1 for a linear layer. */
function ourLayout(data: ArrayLike<number>, [K, inner, ...window]: readonly number[]): Float64Array {
  const outer = window.reduce((a, b) => a * b, 1);
  return Float64Array.from({ length: data.length }, (_, i) => {
    const k = i % K, c = Math.floor(i / K) % inner, rs = Math.floor(i / (K * inner));
    return data[(k * inner + c) * outer + rs];
  });
}

function norm(parameters: Parameters, name: string, { x, C }: Activation): Float64Array {
  const [gamma, beta] = ["weight", "bias"].map((part) => parameters.get(`${name}.${part}`)!.data);
  const zeros = new Float64Array(C);
  const operands = { x, gamma, beta, running_mean: zeros, running_var: zeros };
  return batchNorm(operands, { groups, rows: x.length / C / groups, C }).y;
}

/** A convolution, padded to keep the size but for its stride, and the batch norm after it. */
function convNorm(
  parameters: Parameters,
  { conv, bn, stride = 1 }: { conv: string; bn: string; stride?: number },
  { x, N, H, W, C }: Activation,
): Activation & { x: Float64Array } {
  const { shape, data } = parameters.get(`${conv}.weight`)!;
  const [K, , R, S] = shape, padding = (R - 1) / 2;
  const y = conv2d({ x, w: ourLayout(data, shape) }, { N, H, W, C, K, R, S, stride, padding });
  const [P, Q] = [H, W].map((size) => outputSize(size, { window: R, stride, padding }));
  const output = { N, H: P, W: Q, C: K };
  return { ...output, x: norm(parameters, bn, { ...output, x: y }) };
}

/** A basic or a bottleneck block. Its stride is in the first of two convolutions or in the second of three. */
function residualBlock(parameters: Parameters, name: string, stride: number, input: Activation): Activation {
  const count = parameters.has(`${name}.conv3.weight`) ? 3 : 2;
  let main = input;
  for (let i = 1; i <= count; i++) {
    const strided = i === count - 1 ? stride : 1;
    main = convNorm(parameters, { conv: `${name}.conv${i}`, bn: `${name}.bn${i}`, stride: strided }, main);
    if (i < count) main.x = relu(main.x);
  }
  const shortcut = parameters.has(`${name}.downsample.0.weight`)
    ? convNorm(parameters, { conv: `${name}.downsample.0`, bn: `${name}.downsample.1`, stride }, input)
    : input;
  return { ...main, x: relu(add(main.x, shortcut.x)) };
}

/** Linear, batch norm, ReLU, linear. */
function mlp(parameters: Parameters, name: string, x: Float64Array, N: number): Float64Array {
  function layer(index: number, x: Float64Array): Float64Array {
    const { shape, data } = parameters.get(`${name}.${index}.weight`)!;
    const [outputs, inputs] = shape, b = parameters.get(`${name}.${index}.bias`)?.data;
    return linear({ x, w: ourLayout(data, shape), b }, { N, inputs, outputs });
  }
  const hidden = layer(0, x);
  return layer(3, relu(norm(parameters, `${name}.1`, { x: hidden, N, H: 1, W: 1, C: hidden.length / N })));
}

/**
 * The projections and predictions, [2·batch, ·], of both `views` [2, batch, size, size, 3] by a ResNet with the
 * CIFAR stem and one block a stage.
 */
export function projectAndPredict(
  parameters: Parameters,
  views: ArrayLike<number>,
  { batch, size }: { batch: number; size: number },
): { projections: Float64Array; predictions: Float64Array } {
  const N = groups * batch;
  const input = { x: views, N, H: size, W: size, C: 3 };
  let activation: Activation = convNorm(parameters, { conv: "backbone.conv1", bn: "backbone.bn1" }, input);
  activation.x = relu(activation.x);
  for (let stage = 1; parameters.has(`backbone.layer${stage}.0.conv1.weight`); stage++) {
    activation = residualBlock(parameters, `backbone.layer${stage}.0`, stage === 1 ? 1 : 2, activation);
  }
  const projections = mlp(parameters, "projector", globalAveragePool(activation.x, activation), N);
  return { projections, predictions: mlp(parameters, "predictor", projections, N) };
}

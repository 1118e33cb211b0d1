/**
 * The evaluation view as an ONNX graph: decoded images of any size → what the network takes.
 *
 * @module
 */
import type { GraphBuilder, Value } from "./onnx_graph.ts";
import { appendWeights, type ResizedAxis } from "./onnx_resize.ts";
import { DATA_TYPES } from "./onnx_schema.ts";

/** How images are prepared. */
export interface Preparation {
  /** Side of the images in pixels. */
  size: number;
  /** Mean of red, green and blue in 0 … 1, */
  mean: readonly number[];
  /** and their standard deviation. */
  std: readonly number[];
}

/**
 * Appends to `graph` what torchvision's Resize(size, BICUBIC), CenterCrop(size), ToTensor and Normalize do with `pixels`
 * [N, 3, H, W] in 0 … 255: the short side becomes `size` by a bicubic filter that is stretched where it shrinks, the center
 * square is kept. Only the pixels of the square are computed. As in Pillow, rows come first, and each pass rounds to 8 bits.
 */
export function appendPreparation(
  graph: GraphBuilder,
  pixels: Value,
  { size, mean, std }: Preparation,
): Value {
  const node = (opType: string, inputs: Value[], name: string, attributes = {}) =>
    graph.node(opType, inputs, { name: `prepare.${name}`, attributes });
  const floats = (name: string, values: readonly number[]) =>
    graph.floats(`prepare.${name}`, { shape: [1, values.length, 1, 1], data: Float32Array.from(values) });
  const scalar = (name: string, value: number) =>
    graph.floats(`prepare.${name}`, { shape: [], data: Float32Array.of(value) });

  const [height, width] = appendAxes(graph, pixels, size);
  const half = scalar("round_half", .5), low = scalar("low", 0), high = scalar("high", 255);
  const rounded = (value: Value, name: string) => {
    const nearest = node("Floor", [node("Add", [value, half], `${name}_raised`)], `${name}_nearest`);
    return node("Clip", [nearest, low, high], `${name}_rounded`);
  };
  const across = node("Transpose", [appendWeights(graph, width, "prepare.across")], "across", {
    perm: [1, 0],
  });
  const rows = rounded(node("MatMul", [pixels, across], "rows"), "rows");
  const down = appendWeights(graph, height, "prepare.down");
  const view = rounded(node("MatMul", [down, rows], "view"), "view");
  const centered = node("Sub", [view, floats("mean", mean.map((value) => 255 * value))], "centered");
  return node("Div", [centered, floats("std", std.map((value) => 255 * value))], "normalized");
}

/** The axes of `pixels`, from the top and from the left. Integer division truncates, as int() in torchvision does. */
function appendAxes(
  graph: GraphBuilder,
  pixels: Value,
  size: number,
): [height: ResizedAxis, width: ResizedAxis] {
  const node = (opType: string, inputs: Value[], name: string, attributes = {}) =>
    graph.node(opType, inputs, { name: `prepare.${name}`, attributes });
  const list = (name: string, values: number[]) => graph.integers(`prepare.${name}`, values);
  const shape = node("Shape", [pixels], "shape"), target = list("size", [size]);
  const sides = node("Slice", [shape, list("sides_from", [2]), list("sides_to", [4])], "sides");
  const short = node("ReduceMin", [sides], "short", { keepdims: 1 });
  const resized = node("Div", [node("Mul", [sides, target], "scaled"), short], "resized");
  // Round, as Python's, takes halves to even.
  const rest = node("Cast", [node("Sub", [resized, target], "rest")], "rest_float", { to: DATA_TYPES.float });
  const half = graph.floats("prepare.half", { shape: [], data: Float32Array.of(.5) });
  const middle = node("Round", [node("Mul", [rest, half], "rest_halved")], "start_float");
  const start = node("Cast", [middle], "start", { to: DATA_TYPES.int64 });
  const axisOf = (name: string, i: number): ResizedAxis => {
    const at = list(`${name}_index`, [i]);
    const part = (values: Value, what: string) => node("Gather", [values, at], `${name}_${what}`);
    return {
      length: part(sides, "length"),
      resized: part(resized, "resized"),
      start: part(start, "start"),
      size,
    };
  };
  return [axisOf("height", 0), axisOf("width", 1)];
}

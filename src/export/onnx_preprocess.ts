/**
 * The evaluation view as an ONNX graph: decoded images of any size → what the network takes.
 *
 * @module
 */
import type { GraphBuilder, Value } from "./onnx_graph.ts";

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
 * [N, 3, H, W] in 0 … 255: the short side becomes `size` by a bicubic filter that is stretched where it shrinks, the center square is kept.
 * Pillow rounds to 8 bits between its two passes; here it is done once, after both.
 */
export function appendPreparation(
  graph: GraphBuilder,
  pixels: Value,
  { size, mean, std }: Preparation,
): Value {
  const node = (opType: string, inputs: Value[], name: string, attributes = {}) =>
    graph.node(opType, inputs, { name: `prepare.${name}`, attributes });
  const list = (name: string, values: number[]) => graph.integers(`prepare.${name}`, values);
  const floats = (name: string, values: readonly number[]) =>
    graph.floats(`prepare.${name}`, { shape: [1, values.length, 1, 1], data: Float32Array.from(values) });

  // The sizes: integer division truncates, as int() in torchvision does.
  const shape = node("Shape", [pixels], "shape");
  const sides = node("Slice", [shape, list("two", [2]), list("four", [4])], "sides");
  const short = node("ReduceMin", [sides], "short", { keepdims: 1 });
  const resized = node("Div", [node("Mul", [sides, list("size", [size])], "scaled"), short], "resized_sides");
  const front = node("Slice", [shape, list("zero", [0]), list("end", [2])], "front");
  const target = node("Concat", [front, resized], "target", { axis: 0 });
  const attributes = {
    mode: "cubic",
    cubic_coeff_a: { float: -.5 },
    antialias: 1,
    exclude_outside: 1,
    coordinate_transformation_mode: "half_pixel",
  };
  const bicubic = node("Resize", [pixels, "", "", target], "resized", attributes);
  const low = graph.floats("prepare.low", { shape: [], data: Float32Array.of(0) });
  const high = graph.floats("prepare.high", { shape: [], data: Float32Array.of(255) });
  const rounded = node("Clip", [node("Round", [bicubic], "rounded"), low, high], "clipped");
  // The crop: Round, too, takes halves to even.
  const rest = node("Cast", [node("Sub", [resized, list("crop", [size])], "rest")], "rest_float", { to: 1 });
  const half = node(
    "Mul",
    [rest, graph.floats("prepare.half", { shape: [], data: Float32Array.of(.5) })],
    "halved",
  );
  const start = node("Cast", [node("Round", [half], "start_float")], "start", { to: 7 });
  const end = node("Add", [start, list("extent", [size, size])], "crop_end");
  const cropped = node("Slice", [rounded, start, end, list("axes", [2, 3])], "cropped");
  const centered = node("Sub", [cropped, floats("mean", mean.map((value) => 255 * value))], "centered");
  return node("Div", [centered, floats("std", std.map((value) => 255 * value))], "normalized");
}

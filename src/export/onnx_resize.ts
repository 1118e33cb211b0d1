/**
 * Bicubic resizing as products of matrices, which every opset and runtime computes alike. ONNX's own Resize has an antialiased
 * filter from opset 18 on, but rounds to 8 bits nowhere, and runtimes on GPUs lack the filter.
 *
 * @module
 */
import { DATA_TYPES } from "./onnx_schema.ts";
import type { GraphBuilder, Value } from "./onnx_graph.ts";

/** The bits of the weights after the binary point, as in data/views/resize.ts and in Pillow. */
const PRECISION = 2 ** 22;

/** An axis that is resized: `size` pixels from `start` on of `length` pixels that become `resized`; each value is [1]. */
export interface ResizedAxis {
  length: Value;
  resized: Value;
  start: Value;
  size: number;
}

/**
 * Appends the weights of `axis`: float32 [size, length]. Output pixel o lies at c = (o + ½) · length / resized and weighs
 * input pixel i by k((i + ½ − c) / max(1, length / resized)), with the bicubic kernel k of a = −½. A row adds up to 1.
 */
export function appendWeights(graph: GraphBuilder, axis: ResizedAxis, prefix: string): Value {
  const { node, number, double } = helpers(graph, prefix);
  const length = double(axis.length, "length"), resized = double(axis.resized, "resized");
  const scale = node("Div", [length, resized], "scale");
  const filter = node("Max", [scale, number("one", 1)], "filter");
  const range = (name: string, end: Value) =>
    node("Range", [number(`${name}_0`, 0), end, number(`${name}_1`, 1)], name);
  const half = number("half", .5), scalar = graph.integers(`${prefix}.scalar`, []);
  const outputs = node(
    "Add",
    [range("outputs", number("size", axis.size)), double(axis.start, "start")],
    "places",
  );
  const centers = node("Mul", [node("Add", [outputs, half], "middles"), scale], "centers");
  const inputs = node("Add", [range("inputs", node("Reshape", [length, scalar], "count")), half], "pixels");
  const column = node("Reshape", [centers, graph.integers(`${prefix}.column`, [-1, 1])], "rows");
  const distance = node("Div", [node("Sub", [inputs, column], "offsets"), filter], "distances");
  const weights = bicubic(graph, distance, prefix);
  const sums = node("ReduceSum", [weights, graph.integers(`${prefix}.axis`, [1])], "sums", { keepdims: 1 });
  const steps = node(
    "Mul",
    [node("Div", [weights, sums], "shares"), number("precision", PRECISION)],
    "steps",
  );
  const rounded = node("Div", [node("Round", [steps], "whole"), number("unit", PRECISION)], "rounded");
  return node("Cast", [rounded], "weights", { to: DATA_TYPES.float });
}

/** The kernel at `distance`: (1.5·|x| − 2.5)·x² + 1 up to 1, ((−.5·|x| + 2.5)·|x| − 4)·|x| + 2 up to 2. */
function bicubic(graph: GraphBuilder, distance: Value, prefix: string): Value {
  const { node, number } = helpers(graph, `${prefix}.kernel`);
  const x = node("Abs", [distance], "x");
  // By Horner's rule, the highest power first.
  const polynomial = (name: string, coefficients: number[]) =>
    coefficients.slice(1).reduce((value, coefficient, i) => {
      const product = node("Mul", [value, x], `${name}.product${i}`);
      return node("Add", [product, number(`${name}.c${i + 1}`, coefficient)], `${name}.sum${i}`);
    }, number(`${name}.c0`, coefficients[0]));
  const near = polynomial("near", [1.5, -2.5, 0, 1]), far = polynomial("far", [-.5, 2.5, -4, 2]);
  const below = (limit: number, name: string) => node("Less", [x, number(`${name}_limit`, limit)], name);
  const outer = node("Where", [below(2, "is_far"), far, number("zero", 0)], "outer");
  return node("Where", [below(1, "is_near"), near, outer], "weights");
}

function helpers(graph: GraphBuilder, prefix: string) {
  const node = (opType: string, inputs: Value[], name: string, attributes = {}) =>
    graph.node(opType, inputs, { name: `${prefix}.${name}`, attributes });
  return {
    node,
    /** A constant of double precision: float32 would move the centers of large images. */
    number: (name: string, value: number) => graph.double(`${prefix}.${name}`, value),
    double: (value: Value, name: string) => node("Cast", [value], name, { to: DATA_TYPES.double }),
  };
}

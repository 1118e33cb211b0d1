/**
 * The convolution and the linear layer: every product in every way that the adapter has to make it in.
 *
 * @module
 */
import type { Choice, Target } from "../../graph/kernel_choice.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { conv2d } from "../../ops/conv2d.ts";
import { sumError } from "../../reference/compare.ts";
import { conv2d as reference, conv2dGradients, type Conv2dSizes } from "../../reference/conv2d.ts";
import { hashSigned } from "../../reference/hash.ts";
import { type Check, checkCall, compareAll } from "./check.ts";
import { newOpTape } from "./op_run.ts";

interface Shape extends Conv2dSizes {
  bias?: boolean;
}

/**
 * Few, but with what hurts: tails of tiles in rows and columns, of 16, 32, 64 and more channels; several taps within a
 * stage and several stages within a tap; strides that leave classes of pixels of unequal size; sums long enough to be split.
 */
const SHAPES: readonly Shape[] = [
  { N: 3, H: 13, W: 11, C: 36, K: 68, R: 3, S: 3, stride: 1, padding: 1 },
  { N: 2, H: 7, W: 8, C: 8, K: 12, R: 3, S: 3, stride: 2, padding: 1 },
  { N: 2, H: 9, W: 6, C: 132, K: 20, R: 1, S: 1, stride: 2, padding: 0 },
  { N: 2, H: 11, W: 14, C: 4, K: 28, R: 7, S: 7, stride: 2, padding: 3 },
  { N: 517, H: 1, W: 1, C: 68, K: 132, R: 1, S: 1, stride: 1, padding: 0, bias: true },
  { N: 2, H: 5, W: 7, C: 20, K: 8, R: 2, S: 5, stride: 3, padding: 2 },
];

/** The family that training can be held to on any adapter. */
const FALLBACK = "blocked";

/**
 * All products of all shapes in the ways that the adapter may choose, and in those of the family that fits any adapter;
 * with `all` also in those that are hopeless there, which may take a minute to compile.
 */
export function conv2dChecks(target: Target, { all }: { all: boolean }): Check[] {
  return SHAPES.flatMap((shape) => {
    const given = valuesOf(shape), expected = expectedOf(shape, given);
    return choicesOf(shape, target).flatMap((choice) =>
      waysOf(choice, all).map((way) => checkWay(choice, { way, target, shape, given, expected }))
    );
  });
}

function waysOf({ ways }: Choice, all: boolean): string[] {
  return Object.keys(ways).filter((way) => all || !ways[way].hopeless || way.startsWith(FALLBACK));
}

function valuesOf(shape: Shape) {
  const { N, H, W, C, K, R, S, stride, padding } = shape, tag = JSON.stringify(shape);
  const along = (side: number, window: number) => Math.floor((side + 2 * padding - window) / stride) + 1;
  const value = (name: string, n: number) => hashSigned(`${tag}.${name}`, n);
  return {
    x: value("x", N * H * W * C),
    w: value("w", R * S * C * K),
    dy: value("dy", N * along(H, R) * along(W, S) * K),
    bias: value("bias", K),
  };
}

function expectedOf(shape: Shape, { bias, ...given }: ReturnType<typeof valuesOf>) {
  const y = reference(given, shape);
  return {
    y: shape.bias ? y.map((sum, i) => sum + bias[i % shape.K]) : y,
    ...conv2dGradients(given, shape),
  };
}

/** What a convolution of this shape and its gradients have to choose between. */
function choicesOf({ N, H, W, C, K, R, S, stride, padding: pad, bias }: Shape, target: Target): Choice[] {
  const choices: Choice[] = [];
  const tape = newOpTape({
    ...target,
    pick(choice) {
      choices.push(choice);
      return undefined;
    },
  });
  const x = tape.tensor("x", [N, H, W, C]), wShape = [R, S, C, K];
  const w: Tensor = { ...tape.tensor("w", wShape), gradient: tape.tensor("dw", wShape) };
  const y = conv2d(tape, { x, w, bias: bias ? tape.tensor("bias", [K]) : undefined, stride, pad, name: "y" });
  tape.accumulate(y, tape.tensor("dy", y.shape));
  tape.backward();
  return choices;
}

/** The result of each product, and how many terms its sums have. */
const RESULTS = { forward: "y", backwardData: "dx", backwardWeights: "dw" } as const;

function checkWay(
  { name, tensors, ways }: Choice,
  { way, target, shape, given, expected }: {
    way: string;
    target: Target;
    shape: Shape;
    given: ReturnType<typeof valuesOf>;
    expected: ReturnType<typeof expectedOf>;
  },
): Check {
  const kind = name.split(" ")[1] as keyof typeof RESULTS, result = RESULTS[kind];
  const { C, K, R, S } = shape;
  const terms = { y: R * S * C + 1, dx: R * S * K, dw: given.dy.length / K }[result];
  // The weights stand in for a bias where there is none.
  const operands = Object.entries(tensors).filter(([key]) => key !== "bias" || shape.bias);
  return checkCall(`${name}, ${way}`, {
    way,
    target,
    values: given,
    call: {
      shapes: Object.fromEntries(operands.map(([key, { shape }]) => [key, shape])),
      trained: "w" in tensors ? ["w"] : [],
      op: (tape, given) => ways[way].record(tape, { bias: given.w, ...given }),
    },
    compare: compareAll({ [result]: expected[result] }, { absolute: sumError(terms) }),
  });
}

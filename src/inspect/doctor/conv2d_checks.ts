/**
 * Checks of the convolution and the linear layer: every product by every variant that the adapter may choose.
 *
 * @module
 */
import type { ChoosingProfile, KernelChoice } from "../../graph/kernel_choice.ts";
import { type Tensor, typeOf } from "../../graph/tensor.ts";
import { conv2d } from "../../ops/conv2d.ts";
import { sumError, withHalfRounding } from "../../reference/compare.ts";
import { conv2d as reference, conv2dGradients, type Conv2dSizes } from "../../reference/conv2d.ts";
import { hashSigned } from "../../reference/hash.ts";
import { type Check, checkCall, compareAll, roundedToHalf } from "./check.ts";
import { newOpTape } from "./op_run.ts";

interface Shape extends Conv2dSizes {
  bias?: boolean;
}

/**
 * Few shapes that are hard: tails of tiles in rows and columns, of 16, 32, 64 and more channels; several kernel positions
 * within a stage, and several stages within one; strides that divide pixels into classes of unequal size; sums long enough
 * to be split.
 */
const SHAPES: readonly Shape[] = [
  { N: 3, H: 13, W: 11, C: 36, K: 68, R: 3, S: 3, stride: 1, padding: 1 },
  { N: 2, H: 7, W: 8, C: 8, K: 12, R: 3, S: 3, stride: 2, padding: 1 },
  { N: 2, H: 9, W: 6, C: 132, K: 20, R: 1, S: 1, stride: 2, padding: 0 },
  { N: 2, H: 11, W: 14, C: 4, K: 28, R: 7, S: 7, stride: 2, padding: 3 },
  { N: 517, H: 1, W: 1, C: 68, K: 132, R: 1, S: 1, stride: 1, padding: 0, bias: true },
  { N: 2, H: 5, W: 7, C: 20, K: 8, R: 2, S: 5, stride: 3, padding: 2 },
];

/** The family that runs on any adapter. */
const FALLBACK = "blocked";

/** Shapes to try in float16, whose kernels compute as those of float32 do, but for those on matrix units. */
const HALF_SHAPES = SHAPES.slice(0, 2);

/**
 * All products of all shapes by the variants that the adapter may choose and by those of the family that runs on any;
 * with `all` also by those that tuning skips there, which may take a minute to compile. With `half` in float16.
 */
export function conv2dChecks(
  target: ChoosingProfile,
  { all, half = false }: { all: boolean; half?: boolean },
): Check[] {
  return (half && !target.matrixUnits ? HALF_SHAPES : SHAPES).flatMap((shape) => {
    const given = valuesOf(shape, half), expected = expectedOf(shape, given);
    return choicesOf(shape, { target, half }).flatMap((choice) =>
      variantsOf(choice, all).map((variant) =>
        checkVariant(choice, { variant, target, shape, given, expected })
      )
    );
  });
}

function variantsOf({ variants }: KernelChoice, all: boolean): string[] {
  return Object.keys(variants).filter((name) =>
    all || !variants[name].skipTuning || name.startsWith(FALLBACK)
  );
}

function valuesOf(shape: Shape, half: boolean) {
  const { N, H, W, C, K, R, S, stride, padding } = shape, tag = JSON.stringify(shape);
  const along = (side: number, window: number) => Math.floor((side + 2 * padding - window) / stride) + 1;
  const value = (name: string, n: number) => hashSigned(`${tag}.${name}`, n);
  const stored = (name: string, n: number) => half ? roundedToHalf(value(name, n)) : value(name, n);
  return {
    x: stored("x", N * H * W * C),
    w: stored("w", R * S * C * K),
    dy: stored("dy", N * along(H, R) * along(W, S) * K),
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

/** The choices of kernels for a convolution of this shape and its gradients. */
function choicesOf(
  { N, H, W, C, K, R, S, stride, padding: pad, bias }: Shape,
  { target, half }: { target: ChoosingProfile; half: boolean },
): KernelChoice[] {
  const choices: KernelChoice[] = [];
  const tape = newOpTape({
    ...target,
    chooser(choice) {
      choices.push(choice);
      return undefined;
    },
  });
  const type = half ? "f16" : "f32", x = tape.tensor("x", [N, H, W, C], type), wShape = [R, S, C, K];
  const w: Tensor = {
    ...tape.tensor("w", wShape),
    gradient: tape.tensor("dw", wShape),
    half: tape.tensor("w", wShape, type),
  };
  const y = conv2d(tape, { x, w, bias: bias ? tape.tensor("bias", [K]) : undefined, stride, pad, name: "y" });
  tape.accumulate(y, tape.tensor("dy", y.shape, type));
  tape.backward();
  return choices;
}

/** The result of each product. */
const RESULTS = { forward: "y", backwardData: "dx", backwardWeights: "dw" } as const;

function checkVariant(
  { name, tensors, variants }: KernelChoice,
  { variant, target, shape, given, expected }: {
    variant: string;
    target: ChoosingProfile;
    shape: Shape;
    given: ReturnType<typeof valuesOf>;
    expected: ReturnType<typeof expectedOf>;
  },
): Check {
  const kind = name.split(" ")[1] as keyof typeof RESULTS, result = RESULTS[kind];
  const { C, K, R, S } = shape;
  const terms = { y: R * S * C + 1, dx: R * S * K, dw: given.dy.length / K }[result];
  // The weights replace a missing bias.
  const operands = Object.entries(tensors).filter(([key]) => key !== "bias" || shape.bias);
  const halves = operands.filter(([, tensor]) => typeOf(tensor) === "f16").map(([key]) => key);
  const tolerance = { absolute: sumError(terms) };
  return checkCall(`${name}, ${variant}`, {
    variant,
    target,
    values: given,
    call: {
      shapes: Object.fromEntries(operands.map(([key, { shape }]) => [key, shape])),
      trained: "w" in tensors ? ["w"] : [],
      halves,
      op: (tape, given) => {
        const w = given.w?.half ?? given.w;
        variants[variant].record(tape, { bias: given.w, ...given, ...w && { w } });
      },
    },
    compare: compareAll(
      { [result]: expected[result] },
      halves.includes(result) ? withHalfRounding(tolerance) : tolerance,
    ),
  });
}

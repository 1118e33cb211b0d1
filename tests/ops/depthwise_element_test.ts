import { assertClose, assertEquals } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";
import { newTape, placed } from "./harness.ts";
import { depthwiseConv2d as reference } from "../../src/reference/depthwise_conv2d.ts";
import { judge, toleranceOf } from "../../src/graph/judge.ts";
import type { KernelChoice } from "../../src/graph/kernel_choice.ts";
import { Noise } from "../../src/graph/noise.ts";
import { Trial } from "../../src/graph/trial.ts";
import { depthwiseConv2d } from "../../src/ops/depthwise_conv2d.ts";
import { outputElement, weightElement } from "../../src/ops/depthwise_kernels.ts";

for (const [N, H, W, C] of [[2, 5, 9, 4], [3, 2, 1, 8], [1, 8, 7, 4]]) {
  Deno.test(`outputElement() and weightElement() match all elements of [${N}, ${H}, ${W}, ${C}]`, () => {
    const sizes = { N, H, W, C }, n = N * H * W * C;
    const random = (name: string, n: number) => Float64Array.from(hashSigned(`element.${name}.${H}`, n));
    const values: Record<string, Float64Array> = {
      x: random("x", n),
      k: random("k", 49 * C),
      bias: random("bias", C),
      dy: random("dy", n),
      dk: random("dk", 49 * C),
    };
    const all = (n: number, element: ReturnType<typeof outputElement>, of = values) =>
      Float64Array.from({ length: n }, (_, i) => element(i, (name, i) => of[name][i]));
    const y = (x: Float64Array, w: Float64Array, bias: ArrayLike<number> = new Float64Array(C)) =>
      reference({ x, w, bias }, { ...sizes, R: 7, S: 7 });
    const close = (name: string, actual: Float64Array, expected: Float64Array) =>
      assertClose(name, actual, expected, { absolute: 1e-12 });
    const { x, k, bias, dy, dk } = values;
    close("y", all(n, outputElement(sizes, { flip: false, bias: false })), y(x, k));
    close("y with bias", all(n, outputElement(sizes, { flip: false, bias: true })), y(x, k, bias));

    // y is linear in x and in k: the derivative of y · dy by an element is y · dy where that alone is 1.
    const along = (n: number, of: (unit: Float64Array) => Float64Array) =>
      Float64Array.from({ length: n }, (_, i) => {
        const unit = new Float64Array(n);
        unit[i] = 1;
        return of(unit).reduce((sum, value, j) => sum + value * dy[j], 0);
      });
    const flipped = outputElement(sizes, { flip: true, bias: false });
    close("dx", all(n, flipped, { ...values, x: dy }), along(n, (unit) => y(unit, k)));
    const dw = along(49 * C, (unit) => y(x, unit));
    close("dk", all(49 * C, weightElement(sizes, { more: false })), dw);
    close("dk added", all(49 * C, weightElement(sizes, { more: true })), dw.map((value, i) => value + dk[i]));
  });
}

Deno.test("judge() finds every variant of a depthwise convolution right", onGpu, async () => {
  const gpu = await sharedGpu(), choices: KernelChoice[] = [];
  const shape = [3, 13, 10, 20], weights = [7, 7, 1, 20];
  const tape = newTape({
    chooser(choice) {
      choices.push(choice);
      return undefined;
    },
  });
  const y = depthwiseConv2d(tape, {
    x: placed("x", shape),
    w: placed("w", weights, placed("dw", weights)),
    bias: placed("bias", [20]),
    name: "depthwise",
  });
  tape.accumulate(y, placed("dy", shape));
  tape.backward();
  assertEquals(choices.length, 3);
  for (const choice of choices) {
    using noise = new Noise(gpu);
    const variants = Object.keys(choice.variants);
    using trial = new Trial(gpu, { choice, variants, noise });
    const broken = await judge(variants, {
      attempt: (variant) => trial.attempt(variant),
      keep: () => trial.keep(),
      tolerance: toleranceOf(choice.result.terms),
    });
    assertEquals([choice.name, variants.length, [...broken]], [choice.name, 2, []]);
  }
});

import { assertClose, assertEquals } from "../assert.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";
import { deviceProfileOf } from "../../src/graph/kernel_choice.ts";
import { probeArithmetic, probeCopy } from "../../src/ops/probe.ts";
import { newTape, placed, runOp } from "./harness.ts";

Deno.test("probeArithmetic() does all the arithmetic that it counts", onGpu, async () => {
  const invocations = 128, shape = [invocations, 4], target = deviceProfileOf(await sharedGpu());
  for (const rounds of [1, 2]) {
    const { out } = await runOp(
      { shapes: { out: shape }, op: (tape, { out }) => probeArithmetic(tape, { out, rounds }) },
      { values: { out: new Float32Array(4 * invocations) }, target },
    );
    // x ← .75 · x + .25 of x = 1 + d is 1 + .75 · d; three chains of 4 numbers begin 4 apart, at the invocation's index.
    const factor = 0.75 ** (16 * rounds);
    const expected = Float64Array.from(out, (_, i) => {
      const chains = [0, 4, 8].map((first) => 1 + (first + Math.floor(i / 4) + i % 4 - 1) * factor);
      return chains.reduce((a, b) => a + b);
    });
    assertClose("out", out, expected, { absolute: 2e-6 });

    const tape = newTape(target);
    probeArithmetic(tape, { out: placed("out", shape), rounds });
    assertEquals(tape.dispatches[0].flops, invocations * rounds * 16 * 12 * 2);
  }
});

Deno.test("probeCopy() copies with any grid", onGpu, async () => {
  const gpu = await sharedGpu();
  for (const [n, maxGrid] of [[4, 65535], [252, 65535], [260, 65535], [4 * 64 * 7 + 4, 3]]) {
    const source = Float32Array.from({ length: n }, (_, i) => i + 0.5);
    const { copied } = await runOp(
      {
        shapes: { source: [n], copied: [n] },
        op: (tape, { source, copied }) => probeCopy(tape, { source, copied }),
      },
      {
        values: { source, copied: new Float32Array(n).fill(NaN) },
        target: { ...deviceProfileOf(gpu), maxGrid },
      },
    );
    assertEquals([...copied], [...source]);
  }
});

/** add and sum_parts: in float32 each has one right answer, to the bit. */
import { assertClose } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";
import { onGpu, targets } from "../gpu/shared.ts";
import { addInto } from "../../src/ops/add.ts";
import { sumParts } from "../../src/ops/sum_parts.ts";
import { runOp } from "./harness.ts";

/** 1, workgroup ± 1 and a grid of two dimensions at 7 workgroups per dimension, in elements. */
const sizes = [4, 252, 256, 260, 7 * 256, 7 * 256 + 4, 11 * 256 - 8];

Deno.test("addInto() adds exactly", onGpu, async () => {
  for (const target of await targets()) {
    for (const n of sizes) {
      const values = { into: hashSigned(`into ${n}`, n), from: hashSigned(`from ${n}`, n) };
      const call = { shapes: { into: [n], from: [n] }, op: addInto as (...args: unknown[]) => void };
      for (const limits of [{ maxGrid: 7 }, { maxBinding: 1024 }, { maxBinding: 256 }]) {
        const actual = await runOp(call, { values, target: { ...target, ...limits } });
        assertClose(`into, ${n}`, actual.into, values.into.map((value, i) => value + values.from[i]), {});
        assertClose(`from, ${n}`, actual.from, values.from, {});
      }
    }
  }
});

Deno.test("sumParts() sums the parts in order, exactly", onGpu, async () => {
  for (const target of await targets()) {
    for (const [i, n] of sizes.entries()) {
      const count = [1, 2, 5, 17][i % 4];
      const values = { parts: hashSigned(`parts ${n}`, count * n), total: new Float32Array(n).fill(NaN) };
      const expected = new Float32Array(n);
      for (let part = 0; part < count; part++) {
        for (let j = 0; j < n; j++) expected[j] += values.parts[part * n + j];
      }
      const call = {
        shapes: { parts: [count, n], total: [n] },
        op: sumParts as (...args: unknown[]) => void,
      };
      // As few parts as are aligned: the seventeen are sixteen and one, the five of 256 elements come one by one.
      const aligned = [1, 2, 4, 8, 16].find((parts) => parts * n % 64 === 0)!;
      for (const limits of [{ maxGrid: 7 }, { maxBinding: aligned * n * 4 }]) {
        const { total } = await runOp(call, { values, target: { ...target, ...limits } });
        assertClose(`total of ${count} parts, ${n}`, total, expected, {});
      }
    }
  }
});

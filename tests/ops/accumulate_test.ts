import { assertClose } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";
import { onGpu, targets } from "../gpu/shared.ts";
import { accumulateMean } from "../../src/ops/accumulate.ts";
import { packStep } from "../../src/optim/optimizer.ts";
import { type Call, runOp } from "./harness.ts";

Deno.test(
  "accumulateMean() starts at zero for the first batch and adds the shares of the others",
  onGpu,
  async () => {
    for (const [blocks, maxBinding] of [[1], [5], [67], [67, 16 * 256]]) {
      const call = (batches: number): Call => ({
        shapes: { mean: [blocks, 64], addend: [blocks, 64], step: [8] },
        uniform: "step",
        op: (tape, { mean, addend, step }) => accumulateMean(tape, { mean, from: addend, step }, { batches }),
      });
      const mean = hashSigned("mean", blocks * 64), addend = hashSigned("addend", blocks * 64);
      for (const [batches, part] of [[1, 0], [3, 0], [3, 1], [3, 2]]) {
        const scalars = packStep({ lr: 1, momentum: 1, weightDecay: 1, tau: 1, slot: 1, part });
        const values = { mean, addend, step: new Float32Array(scalars.buffer) };
        const expected = mean.map((value, i) => (part === 0 ? 0 : value) + addend[i] / batches);
        for (const target of await targets()) {
          const limits = { maxGrid: 5, ...maxBinding && { maxBinding } };
          const actual = await runOp(call(batches), { values, target: { ...target, ...limits } });
          assertClose(`mean of ${blocks} blocks, part ${part}`, actual.mean, expected, { absolute: 2e-7 });
        }
      }
    }
  },
);

import { assert, assertClose, assertEquals, assertThrows } from "../assert.ts";
import { evaluationGolden, hashLabels } from "../eval/golden.ts";
import { hashSigned } from "../golden/read.ts";
import { onGpu, targets } from "../gpu/shared.ts";
import { centralDifferences } from "../../src/reference/finite_difference.ts";
import { softmaxCrossEntropy as reference } from "../../src/reference/softmax_cross_entropy.ts";
import { softmaxCrossEntropy } from "../../src/ops/softmax_cross_entropy.ts";
import { type Call, newTape, placed, runOp } from "./harness.ts";

interface Sizes {
  M: number;
  G: number;
  K: number;
  classes: number;
}

function call({ M, G, K, classes }: Sizes): Call {
  return {
    shapes: { logits: [M, G * K], labels: [M], rates: [G] },
    op: (tape, { logits, labels, rates }) => softmaxCrossEntropy(tape, { logits, labels, rates, classes }),
  };
}

/** Rows and classifiers around a workgroup's 64, one class and all columns, and a grid of two dimensions. */
const cases: Sizes[] = [
  { M: 1, G: 1, K: 4, classes: 2 },
  { M: 63, G: 1, K: 12, classes: 10 },
  { M: 16, G: 4, K: 8, classes: 8 },
  { M: 13, G: 5, K: 4, classes: 1 },
  { M: 300, G: 3, K: 12, classes: 9 },
];

Deno.test(
  "softmaxCrossEntropy() computes losses and gradients of labeled rows only",
  onGpu,
  async () => {
    for (const sizes of cases) {
      const { M, G, K, classes } = sizes, tag = `softmax ${JSON.stringify(sizes)}`;
      const logits = hashSigned(`${tag}.logits`, M * G * K).map((u) => 6 * u);
      const labels = hashLabels(`${tag}.labels`, { n: M, classes }), rates = hashSigned(`${tag}.rates`, G);
      const losses = reference({ logits, labels }, sizes);
      // A loss depends on its own row of logits only.
      const gradient = new Float64Array(M * G * K);
      for (let row = 0; row < M * G; row++) {
        const label = labels[Math.floor(row / G)];
        const lossOf = (at: ArrayLike<number>) => {
          const [loss] = reference({ logits: at, labels: [label] }, { ...sizes, M: 1, G: 1 });
          return loss * rates[row % G] / M;
        };
        gradient.set(centralDifferences(lossOf, logits.slice(row * K, (row + 1) * K)), row * K);
      }
      for (const target of await targets()) {
        const values = { logits, labels, rates };
        const { y, dlogits } = await runOp(call(sizes), { values, target: { ...target, maxGrid: 7 } });
        assertClose(`losses of ${tag}`, y, losses, { absolute: 4e-6 });
        assertClose(`dlogits of ${tag}`, dlogits, gradient, { absolute: 1e-6 / M + 1e-9 });
      }
    }
  },
);

Deno.test(
  "softmaxCrossEntropy() handles large logits, and keeps NaN within its classifier",
  onGpu,
  async () => {
    const sizes = { M: 2, G: 2, K: 4, classes: 3 };
    const logits = [1000, 0, -1000, 0, NaN, 0, 0, 0, -1e30, 3e5, 3e5, 7, 0, 0, 0, 0];
    for (const target of await targets()) {
      const values = { logits, labels: [0, 1], rates: [1, 1] };
      const { y, dlogits } = await runOp(call(sizes), { values, target });
      assertEquals([y[0], Number.isNaN(y[1])], [0, true]);
      assertClose("the other losses", y.slice(2), [Math.log(2), Math.log(3)], { absolute: 1e-6 });
      assertClose("dlogits", dlogits.slice(8), [0, -.25, .25, 0, 1 / 6, -1 / 3, 1 / 6, 0], {
        absolute: 1e-7,
      });
      assert(dlogits.slice(0, 4).every((value) => value === 0), `${dlogits}`);
    }
  },
);

const golden = await evaluationGolden("softmax_cross_entropy");

for (const { name, sizes } of golden.cases) {
  Deno.test(`softmaxCrossEntropy() matches PyTorch's ${name}`, onGpu, async () => {
    const { M, G, K, classes } = sizes;
    const values = {
      logits: hashSigned(`${name}.logits`, M * G * K).map((u) => 5 * u),
      labels: hashLabels(`${name}.labels`, { n: M, classes }),
      rates: hashSigned(`${name}.rates`, G).map((u) => 2 + u),
    };
    for (const target of await targets()) {
      const { y, dlogits } = await runOp(call(sizes), { values, target });
      assertClose("losses", y, golden.expected(`${name}.losses`), { absolute: 3e-6 });
      assertClose("dlogits", dlogits, golden.expected(`${name}.dlogits`), { absolute: 2e-7 });
    }
  });
}

Deno.test("softmaxCrossEntropy() rejects wrong shapes", async () => {
  const run = (logits: number[], labels: number[], classes: number) => () =>
    softmaxCrossEntropy(newTape({}), {
      logits: placed("logits", logits),
      labels: placed("labels", labels),
      rates: placed("rates", [2]),
      classes,
    });
  await assertThrows(
    run([5, 12], [5], 3),
    TypeError,
    /"logits" must be \[M, 2 · K\], K a multiple of 4 and at least 3/,
  );
  await assertThrows(run([5, 16], [5], 9), TypeError, /at least 9, but its shape is \[5, 16\]/);
  await assertThrows(run([5, 16], [4], 8), TypeError, /"labels" must be \[5\], but its shape is \[4\]/);
});

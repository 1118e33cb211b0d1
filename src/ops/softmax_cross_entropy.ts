/**
 * Cross entropy of softmax classifiers, with its gradient.
 *
 * @module
 */
import code from "../../kernels/loss/softmax_cross_entropy.wgsl" with { type: "text" };
import type { Kernel } from "../gpu/kernel.ts";
import { wgsl } from "../gpu/wgsl_parts.ts";
import type { Tape } from "../graph/tape.ts";
import { expectShape, type Tensor } from "../graph/tensor.ts";

const kernel: Kernel = {
  name: "softmax_cross_entropy",
  files: { ...wgsl.workgroup, ...wgsl.nan, "loss/softmax_cross_entropy.wgsl": code },
  bindings: { logits: "read", labels: "read", rates: "read", dlogits: "read_write", losses: "read_write" },
  params: { M: "u32", G: "u32", K: "u32", classes: "u32" },
};

/**
 * The cross entropy of G classifiers of the same rows, L_g = Σ_m losses[m,g] / M. The gradient of `logits`, that of each
 * classifier times its rate, is accumulated on the tape, where {@linkcode Tape.backward} starts.
 *
 * @param logits [M, G · K] with K a multiple of 4; `labels` [M]: classes as floats, −1 for none, which has neither loss
 * nor gradient; `rates` [G]; `classes`: how many of the K columns are classes.
 * @returns losses [M, G]
 */
export function softmaxCrossEntropy(
  tape: Tape,
  { logits, labels, rates, classes }: { logits: Tensor; labels: Tensor; rates: Tensor; classes: number },
): Tensor {
  const [M, columns] = logits.shape, [G] = rates.shape, K = columns / G;
  expectShape("softmaxCrossEntropy", logits, {
    condition: logits.shape.length === 2 && K % 4 === 0 && classes >= 1 && classes <= K,
    expected: `be [M, ${G} · K], K a multiple of 4 and at least ${classes}`,
  });
  expectShape("softmaxCrossEntropy", labels, {
    condition: labels.shape.join() === `${M}`,
    expected: `be [${M}]`,
  });
  const losses = tape.tensor("losses", [M, G]);
  const dlogits = tape.tensor("dlogits", logits.shape);
  tape.dispatch(kernel, {
    tensors: { logits, labels, rates, dlogits, losses },
    params: { M, G, K, classes },
    grid: tape.grid(Math.ceil(M * G / 64)),
  });
  tape.accumulate(logits, dlogits);
  return losses;
}

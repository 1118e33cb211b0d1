/**
 * Checks of the losses and their gradients.
 *
 * @module
 */
import type { ChoosingProfile } from "../../graph/kernel_choice.ts";
import { byolLoss } from "../../ops/byol_loss.ts";
import { infoNce } from "../../ops/info_nce.ts";
import { normalizeRows } from "../../ops/normalize_rows.ts";
import { softmaxCrossEntropy } from "../../ops/softmax_cross_entropy.ts";
import { byolLoss as byolReference } from "../../reference/byol_loss.ts";
import { differenceOf } from "../../reference/compare.ts";
import { cosine } from "../../reference/cosine.ts";
import { type GradientCheck, sampleGradient } from "../../reference/gradient_samples.ts";
import { hashSigned } from "../../reference/hash.ts";
import { infoNce as infoNceReference, infoNceTerms } from "../../reference/info_nce.ts";
import { softmaxCrossEntropy as softmaxReference } from "../../reference/softmax_cross_entropy.ts";
import { type Check, checkCall, checksOfReferenced, type Referenced } from "./check.ts";
import type { Results } from "./op_run.ts";

/** The checks for the machine `target`. */
export function lossChecks(target: ChoosingProfile): Check[] {
  return [
    byol(target),
    ...checksOfReferenced("normalizeRows", rowsOp(), target),
    contrast(target),
    crossEntropy(target),
  ];
}

/** Compares the losses `y`, and gradients by name. */
function comparison(
  { terms, absolute, gradients }: {
    terms: ArrayLike<number>;
    absolute: number;
    gradients: Record<string, { check: GradientCheck; absolute: number }>;
  },
): (actual: Results) => string | null {
  return (actual) =>
    Object.entries(gradients).reduce(
      (wrong, [name, { check, absolute }]) => wrong ?? check(name, actual[name], { absolute }),
      differenceOf("losses", { actual: actual.y, expected: terms }, { absolute }),
    );
}

function byol(target: ChoosingProfile): Check {
  const N = 33, D = 20;
  const values = { q: hashSigned("byol q", 2 * N * D), z: hashSigned("byol z", 2 * N * D) };
  const terms = Array.from(
    { length: 2 * N },
    (_, i) => 2 - 2 * cosine([values.q, i], [values.z, (i + N) % (2 * N)], D),
  );
  const f = (q: ArrayLike<number>) => byolReference({ q, z: values.z }, { N, D });
  return checkCall("byolLoss", {
    target,
    values,
    call: {
      shapes: { q: [2 * N, D], z: [2 * N, D] },
      op: (tape, { q, z }) => byolLoss(tape, { q, target: z }),
    },
    compare: comparison({
      terms,
      absolute: 2e-6,
      gradients: { dq: { check: sampleGradient("byol dq", { f, at: values.q }), absolute: 2e-6 / N } },
    }),
  });
}

function rowsOp(): Referenced {
  const [M, D] = [37, 28];
  return {
    shapes: { x: [M, D] },
    op: (tape, { x }) => normalizeRows(tape, { x, name: "unit" }),
    reference: ({ x }) => {
      const row = (i: number) => Array.from({ length: D }, (_, d) => x[i - i % D + d]);
      return Float64Array.from(x, (value, i) => value / Math.hypot(...row(i)));
    },
    tolerance: { y: 2e-7, dx: 2e-6 },
  };
}

function contrast(target: ChoosingProfile): Check {
  const sizes = { N: 37, D: 28, beta: 0.5, alpha: 0.2 }, { N, D, beta, alpha } = sizes;
  const values = { q: hashSigned("contrast q", 2 * N * D), z: hashSigned("contrast z", 2 * N * D) };
  const gradient = (name: "q" | "z") => ({
    check: sampleGradient(`contrast d${name}`, {
      f: (moved) => infoNceReference({ ...values, [name]: moved }, sizes),
      at: values[name],
    }),
    // An error of a cosine becomes one of its exponent, divided by α.
    absolute: 2e-6 / N / alpha,
  });
  return checkCall("infoNce", {
    target,
    values,
    call: {
      shapes: { q: [2 * N, D], z: [2 * N, D] },
      op(tape, { q, z }) {
        const losses = infoNce(tape, { q, target: z, shared: true, negatives: beta, temperature: alpha });
        tape.backward(); // through the normalization of the rows
        return losses;
      },
    },
    compare: comparison({
      terms: infoNceTerms(values, sizes),
      absolute: 4e-6,
      gradients: { dq: gradient("q"), dz: gradient("z") },
    }),
  });
}

function crossEntropy(target: ChoosingProfile): Check {
  const sizes = { M: 67, G: 3, K: 12, classes: 9 }, { M, G, K, classes } = sizes;
  const logits = hashSigned("logits", M * G * K).map((u) => 6 * u), rates = hashSigned("rates", G);
  // −1: no label.
  const labels = hashSigned("labels", M).map((u) => Math.floor((u + 1) / 2 * (classes + 1)) - 1);
  const f = (at: ArrayLike<number>) =>
    softmaxReference({ logits: at, labels }, sizes).reduce(
      (sum, loss, i) => sum + loss * rates[i % G] / M,
      0,
    );
  return checkCall("softmaxCrossEntropy", {
    target,
    values: { logits, labels, rates },
    call: {
      shapes: { logits: [M, G * K], labels: [M], rates: [G] },
      op: (tape, { logits, labels, rates }) => softmaxCrossEntropy(tape, { logits, labels, rates, classes }),
    },
    compare: comparison({
      terms: softmaxReference({ logits, labels }, sizes),
      absolute: 4e-6,
      gradients: {
        dlogits: { check: sampleGradient("dlogits", { f, at: logits }), absolute: 1e-6 / M + 1e-9 },
      },
    }),
  });
}

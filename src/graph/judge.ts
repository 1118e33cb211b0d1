/**
 * Which of several variants of the same work compute right.
 *
 * The host computes some elements of the result in double precision, including the first and the last: a variant that misses
 * one is wrong, even if it is the default, or if all do. On all elements the remaining variants are compared with each other:
 * the result that at least half of them agree on is right; of two equal halves, the one with the default; and the default if
 * all differ.
 *
 * @module
 */
import type { ElementType } from "../gpu/kernel.ts";

/** The outcome of running a variant. */
export type Attempt =
  /** Why the driver rejects it. */
  | { refused: string }
  /**
   * Whether the whole result is finite; and its largest errors, relative to its largest value: of the elements that the host
   * computed, and of all elements, compared with the kept result.
   */
  | { finite: boolean; missed: number; error: number };

/**
 * The largest difference between the results of two right variants, relative to the largest value, for sums of `terms` terms.
 *
 * The partial sums of random terms grow like √k, each is rounded to 2⁻²⁴ of itself, and the errors add up to
 * .3 · 2⁻²⁴ · n where the sum is √n: √n · 2⁻²⁴ times .3. Over millions of elements the largest error of a difference is
 * about eight times that; the rest of the factor is for sums of few terms, whose products are rounded too. Results that are
 * stored as float16 may be rounded to neighbors, 2⁻¹⁰ apart.
 */
export function toleranceOf(terms: number, type: ElementType = "f32"): number {
  return 8 * Math.sqrt(terms) * 2 ** -24 + (type === "f16" ? 2 ** -10 : 0);
}

/**
 * Finds which of `variants` must not be used, and why.
 *
 * @param variants Their names, the default first.
 * @param options `attempt` runs a variant and compares its result with the kept one; `keep` keeps the result of the last run.
 * `tolerance`: the allowed error.
 */
export async function judge(
  variants: readonly string[],
  { attempt, keep, tolerance }: {
    attempt: (variant: string) => Promise<Attempt>;
    keep: () => void;
    tolerance: number;
  },
): Promise<Map<string, string>> {
  const broken = new Map<string, string>();
  const wrongBy = (error: number) =>
    `it computes wrong: its error is ${error.toExponential(1)} of the largest value, and ${
      tolerance.toExponential(1)
    } is allowed`;
  /** The error of a variant; null if it is broken. */
  const errorOf = async (variant: string) => {
    const outcome = await attempt(variant);
    if ("refused" in outcome) broken.set(variant, `the driver rejects it: ${outcome.refused}`);
    else if (!outcome.finite) broken.set(variant, "it computes values that are not finite");
    else if (!(outcome.missed <= tolerance)) broken.set(variant, wrongBy(outcome.missed));
    else return outcome.error;
    return null;
  };
  let apartFromDefault: Map<string, string> | undefined;
  for (const judge of variants) {
    if (broken.has(judge) || await errorOf(judge) === null) continue;
    keep();
    const apart = new Map<string, string>();
    for (const variant of variants) {
      if (variant === judge || broken.has(variant)) continue;
      const error = await errorOf(variant);
      if (error === null || error <= tolerance) continue;
      apart.set(variant, wrongBy(error));
    }
    if (2 * apart.size <= variants.length - broken.size) return new Map([...apart, ...broken]);
    apartFromDefault ??= apart;
  }
  return new Map([...apartFromDefault ?? [], ...broken]);
}

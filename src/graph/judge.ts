/**
 * Who computes right, of several ways to do the same work.
 *
 * The host computes some elements of the result in double precision, the first and the last among them: a way that misses
 * one is wrong, be it the default, or all of them. The other elements the ways that are left are held against each other
 * for: what at least half of them agree on is right; of two equal halves, that with the default; and the default if all
 * differ.
 *
 * @module
 */

/** What a run of a way came to. */
export type Outcome =
  /** Why the driver refuses it. */
  | { refused: string }
  /**
   * Whether all of the result is finite; and its largest errors, as parts of its largest value: of the elements that the
   * host has computed, and of all, held against what was kept.
   */
  | { finite: boolean; missed: number; error: number };

/**
 * How far apart the results of two right ways can be, as a part of the largest value, if sums have so many `terms`.
 *
 * Of random terms the partial sums grow like √k, each is rounded to 2⁻²⁴ of itself, and the errors add up to
 * .3 · 2⁻²⁴ · n where the sum is √n: √n · 2⁻²⁴ times .3. Of millions of elements the largest error of a difference is
 * some eight times that; the rest of the factor is for sums of few terms, which round in their products too.
 */
export function toleranceOf(terms: number): number {
  return 8 * Math.sqrt(terms) * 2 ** -24;
}

/**
 * Finds which of `ways` are not to be used, and why.
 *
 * @param ways Their names, the default first.
 * @param options `attempt` runs a way and compares its result with the one that `keep` was called for last, which keeps
 * that of the last run. `tolerance`: the error that is allowed.
 */
export async function judge(
  variants: readonly string[],
  { attempt, keep, tolerance }: {
    attempt: (way: string) => Promise<Outcome>;
    keep: () => void;
    tolerance: number;
  },
): Promise<Map<string, string>> {
  const broken = new Map<string, string>();
  const wrongBy = (error: number) =>
    `it computes wrong, by ${error.toExponential(1)} of the largest value where ${
      tolerance.toExponential(1)
    } is allowed`;
  /** The error of a way that is not broken. */
  const errorOf = async (way: string) => {
    const outcome = await attempt(way);
    if ("refused" in outcome) broken.set(way, `the driver refuses it: ${outcome.refused}`);
    else if (!outcome.finite) broken.set(way, "it computes values that are not finite");
    else if (!(outcome.missed <= tolerance)) broken.set(way, wrongBy(outcome.missed));
    else return outcome.error;
    return null;
  };
  let usual: Map<string, string> | undefined;
  for (const judge of variants) {
    if (broken.has(judge) || await errorOf(judge) === null) continue;
    keep();
    const apart = new Map<string, string>();
    for (const way of variants) {
      if (way === judge || broken.has(way)) continue;
      const error = await errorOf(way);
      if (error === null || error <= tolerance) continue;
      apart.set(way, wrongBy(error));
    }
    if (2 * apart.size <= variants.length - broken.size) return new Map([...apart, ...broken]);
    usual ??= apart;
  }
  return new Map([...usual ?? [], ...broken]);
}

/**
 * Chooses a learning rate by trying several, and further ones until the best is not at an end of those tried.
 *
 * @module
 */

/** Rates to try. */
export interface RateSweep {
  /** All rates that may be tried, ascending. */
  rates: readonly number[];
  /** Those that are tried at first: from index `first` up to, not including, `end`. */
  first: number;
  end: number;
  /** How many are added at an end whose rate is the best. */
  more: number;
}

/** How a learning rate did on held-back samples. */
export interface RateScore {
  /** The peak learning rate. */
  lr: number;
  /** Accuracy, 0 … 1. */
  top1: number;
}

/** A sweep of exactly these rates. */
export function sweepOf(rates: readonly number[]): RateSweep {
  return { rates, first: 0, end: rates.length, more: 0 };
}

/**
 * Tries the rates of `sweep`. While the best is the lowest or the highest so far, it tries lower or higher ones, as far as
 * there are any. Of equally good rates it takes the lowest that is not at an end.
 *
 * @param score The accuracies of the given rates, in their order.
 * @returns the rate, and what was tried, ascending.
 */
export async function chooseRate(
  { rates, more, ...range }: RateSweep,
  score: (rates: readonly number[]) => Promise<readonly number[]>,
): Promise<{ lr: number; sweep: RateScore[] }> {
  let { first, end } = range, tried = await score(rates.slice(first, end));
  for (;;) {
    const best = Math.max(...tried);
    const inside = tried.findIndex((top1, i) => top1 === best && i > 0 && i < tried.length - 1);
    const lower = inside < 0 && tried[0] === best ? Math.min(more, first) : 0;
    const higher = inside < 0 && tried.at(-1) === best ? Math.min(more, rates.length - end) : 0;
    if (lower + higher === 0) {
      const sweep = tried.map((top1, i) => ({ lr: rates[first + i], top1 }));
      return { lr: sweep[inside < 0 ? tried.indexOf(best) : inside].lr, sweep };
    }
    if (lower) tried = [...await score(rates.slice(first - lower, first)), ...tried];
    if (higher) tried = [...tried, ...await score(rates.slice(end, end + higher))];
    first -= lower;
    end += higher;
  }
}

/**
 * Verdicts on a run as text.
 *
 * @module
 */
import type { EvaluationRecord, Verdict } from "../config/callbacks.ts";

/** The verdict of an evaluation as text: "flat since step 240"; null without one. */
export function verdictText(
  { verdict, verdictSince }: Pick<EvaluationRecord, "verdict" | "verdictSince">,
): string | null {
  return verdict && (verdict === "changing" ? verdict : `${verdict} since step ${verdictSince}`);
}

/** What to do about a verdict, in a sentence. */
export const ADVICE: { readonly [verdict in Verdict]: string } = {
  changing: "What the encoder finds similar still changes; whether to the better, only labels tell: go on.",
  flat:
    "What the encoder finds similar hardly changes any more: stop, or start anew with more images, more epochs or a higher " +
    "--lr.",
  degrading:
    "The projections narrow, as before a collapse: if that goes on, lower --lr or lengthen --warmup.",
  collapsed:
    "All images have the same projection, so nothing more is learned. Try a lower --lr, a longer --warmup, or " +
    "--predictor with --target ema.",
};

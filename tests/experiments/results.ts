/** Made-up results. */
import type { RunResult } from "../../src/experiments/results.ts";

/** A result with 60 % by linear evaluation and the given fields. */
export function resultOf(id: string, fields: Partial<RunResult> & { linear?: number } = {}): RunResult {
  const { linear = .6, ...others } = fields;
  return {
    id,
    given: { tau: .9 },
    recipe: null,
    scores: [
      { name: "raw pixels", knn: { "20": .3, "200": .2 }, linear: .35, rankme: null },
      { name: "untrained", knn: { "20": .4, "200": .35 }, linear: .45, rankme: 7 },
      { name: "trained", knn: { "20": linear - .05, "200": .1 }, linear, rankme: 20 },
    ],
    final_loss: .7,
    z_std: .1,
    projection: 64,
    collapse: null,
    seconds: 40,
    adapter: "a made-up adapter",
    deno: "2.9.6",
    date: "2026-01-02T03:04:05.678Z",
    ...others,
  };
}

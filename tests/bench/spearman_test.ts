import { spearman } from "../../bench/spearman.ts";
import { assert, assertEquals } from "../assert.ts";

Deno.test("spearman() is the correlation of ranks, with ties", () => {
  assertEquals(spearman([[1, 10], [2, 20], [3, 25], [4, 1000], [null, 3], [5, 1001]]), 1);
  assertEquals(spearman([[1, 5], [2, 4], [3, 3], [4, 2], [5, -9]]), -1);
  // 1 − 6 Σ d² / n (n² − 1) with d = 0, 1, −1, 0, 0.
  assert(Math.abs(spearman([[1, 1], [2, 3], [3, 2], [4, 4], [5, 5]])! - 0.9) < 1e-12);
  // scipy.stats.spearmanr([1, 2, 2, 3, 4], [2, 1, 3, 3, 5])
  assert(Math.abs(spearman([[1, 2], [2, 1], [2, 3], [3, 3], [4, 5]])! - 0.7631578947368421) < 1e-12);
  assertEquals(spearman([[1, 1], [2, 1], [3, 1], [4, 1], [5, 1]]), null);
  assertEquals(spearman([[1, 1], [2, 2], [3, 3], [4, 4]]), null);
});

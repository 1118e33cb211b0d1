/**
 * The check of the kernel that collects pairs of similar vectors.
 *
 * @module
 */
import type { ChoosingProfile } from "../../graph/kernel_choice.ts";
import { pairsAbove } from "../../ops/pairs_above.ts";
import { differenceOf } from "../../reference/compare.ts";
import { hashSigned } from "../../reference/hash.ts";
import { pairsAbove as pairsReference } from "../../reference/pairs_above.ts";
import { type Check, checkCall } from "./check.ts";

/** The pairs of a product, which come in any order. */
export function pairChecks(target: ChoosingProfile): Check[] {
  const M = 37, N = 52, capacity = M * N, threshold = 0.75;
  const cosines = hashSigned("cosines", M * N);
  const rows = Uint32Array.from({ length: M }, (_, m) => m % 5);
  const columns = Uint32Array.from({ length: N }, (_, n) => n % 7);
  const expected = pairsReference(cosines, { rows, columns, threshold });
  const bits = (words: Uint32Array<ArrayBuffer>) => new Float32Array(words.buffer);
  const check = checkCall("pairsAbove", {
    target,
    call: {
      shapes: { cosines: [M, N], rows: [M], columns: [N], found: [1 + 3 * capacity] },
      op: (tape, { cosines, rows, columns, found }) =>
        pairsAbove(tape, { cosines, rows, columns, found, threshold }),
    },
    values: {
      cosines,
      rows: bits(rows),
      columns: bits(columns),
      found: new Float32Array(1 + 3 * capacity),
    },
    compare({ found }) {
      const values = Float32Array.from(found), words = new Uint32Array(values.buffer), [count] = words;
      const pairs = Array.from(
        { length: Math.min(count, capacity) },
        (_, i) => [words[1 + 3 * i], words[2 + 3 * i], values[3 + 3 * i]],
      );
      pairs.sort(([a, b], [c, d]) => a - c || b - d);
      return differenceOf("pairs", {
        actual: [count, ...pairs.flat()],
        expected: [expected.length, ...expected.flat()],
      }, {
        absolute: 0,
      });
    },
  });
  return [check];
}

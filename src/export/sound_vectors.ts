/**
 * Vectors that cannot be written or used as they are.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import type { EmbeddingRows } from "./embedding_rows.ts";

/** The largest float16. */
const MAX_HALF = 65504;

/**
 * Logs the first image whose vector has a number that is not finite.
 *
 * @returns a check of rows that are to be written.
 * @throws {UserError} with `half`, if a number is too large for float16.
 */
export function soundVectors(
  { half, dims, log }: { half: boolean; dims: number; log: (line: string) => void },
): (rows: EmbeddingRows) => void {
  let isLogged = false;
  return ({ keys, vectors }) => {
    for (let i = 0; i < vectors.length; i++) {
      const size = Math.abs(vectors[i]);
      if (size <= MAX_HALF || !half && size < Infinity) continue;
      const key = keys[Math.floor(i / dims)];
      if (size < Infinity) {
        throw new UserError(
          `Cannot write the vector of "${key}" as float16: it has the number ${
            vectors[i]
          }, and ${MAX_HALF} is the largest. ` +
            `Leave out --f16, or add --normalize.`,
        );
      }
      if (!isLogged) {
        log(
          `Warning about ${key}: its vector has numbers that are not finite. Further images like it are not named.`,
        );
      }
      isLogged = true;
    }
  };
}

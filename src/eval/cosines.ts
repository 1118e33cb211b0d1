/**
 * Cosines as a matrix product on the GPU.
 *
 * @module
 */
import type { Store } from "../gpu/memory.ts";
import type { ChoosingProfile } from "../graph/kernel_choice.ts";
import { Tape } from "../graph/tape.ts";
import { type Tensor, tensorIn } from "../graph/tensor.ts";
import { addInto } from "../ops/add.ts";
import { linear } from "../ops/linear.ts";

/** The sizes of a product: `queries` rows and `references` columns of vectors of `D` numbers, both multiples of 4. */
export interface CosineSizes {
  queries: number;
  references: number;
  D: number;
}

/** Traces the cosines [queries, references] of queries [queries, D] to references [D, references], all of unit length. */
export function traceCosines(
  target: ChoosingProfile,
  { queries: M, references: N, D }: CosineSizes,
): { tape: Tape; cosines: Tensor; stores: { queries: Store; references: Store } } {
  const store = (name: string, floats: number): Store => ({ name, category: "input", bytes: floats * 4 });
  const stores = { references: store("references", D * N), queries: store("queries", M * D) };
  const tape = new Tape(target, { training: false, views: 1, add: addInto });
  const cosines = tape.noGrad(() =>
    linear(tape, {
      x: tensorIn(stores.queries, { shape: [M, D] }),
      w: tensorIn(stores.references, { shape: [1, 1, D, N] }),
      name: "cosines",
    })
  );
  return { tape, cosines, stores };
}

/** The vectors [n, D] in `rows` as columns [D, `references`] for the product; columns beyond n are 0. */
export function transposed(
  rows: Float32Array,
  { D, references }: Pick<CosineSizes, "D" | "references">,
): Float32Array<ArrayBuffer> {
  const columns = new Float32Array(D * references), n = rows.length / D;
  for (let i = 0; i < n; i++) {
    for (let d = 0; d < D; d++) columns[d * references + i] = rows[i * D + d];
  }
  return columns;
}

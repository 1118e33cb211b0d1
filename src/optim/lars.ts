/**
 * LARS's trust ratios (You et al. 2017): one for each parameter of more than one axis, written to all of its blocks.
 *
 * A parameter may have one block or most of all blocks. To balance the work, the store is split into pieces of about the
 * same size, each within one parameter: first their norms, then each parameter's from those of its pieces.
 *
 * @module
 */
import type { Memory, Store } from "../gpu/memory.ts";
import type { Tape } from "../graph/tape.ts";
import { type Tensor, tensorIn } from "../graph/tensor.ts";
import { larsNorms, larsTrust, type ParameterSlice } from "../ops/update.ts";
import { BLOCK_BYTES, blocksOf, type FlatParameters, isAdapted } from "./blocks.ts";

/** Most blocks of a piece. Pieces do not cross a multiple of it, where a store too large to bind may be cut. */
const PIECE_BLOCKS = 64;

/** A part of the parameter store: its tensors, and its blocks `block` … `end` − 1. */
interface Part {
  tensors: ParameterSlice;
  block: number;
  end: number;
}

/** The trust ratios of `parameters`; `store` creates the stores of its tables. */
export function createLars(
  { store: { bytes }, variables }: FlatParameters,
  store: (name: string, bytes: number) => Store,
): {
  prepare(memory: Memory): void;
  record(
    tape: Tape,
    tensors: { parts: readonly Part[]; scales: Tensor; step: Tensor },
    rule: { coefficient: number; clip: boolean },
  ): void;
} {
  const blockCount = bytes / BLOCK_BYTES;
  const pieces: { first: number; count: number }[] = [], spans: number[] = [];
  for (const variable of variables) {
    const { first, end } = blocksOf(variable), before = pieces.length;
    for (let b = first; b < end;) {
      const next = Math.min(end, (Math.floor(b / PIECE_BLOCKS) + 1) * PIECE_BLOCKS);
      pieces.push({ first: b, count: next - b });
      b = next;
    }
    spans.push(before, pieces.length - before, isAdapted(variable) ? 1 : 0, 0);
  }
  const stores = {
    pieces: store("pieces of parameters", pieces.length * 8),
    sums: store("norms of each piece", pieces.length * 8),
    spans: store("pieces of each parameter", variables.length * 16),
    ratios: store("trust of each parameter", variables.length * 4),
    owners: store("parameter of each block", blockCount * 4),
  };
  const tensors = {
    pieces: tensorIn(stores.pieces, { shape: [pieces.length, 2] }),
    sums: tensorIn(stores.sums, { shape: [pieces.length, 2] }),
    spans: tensorIn(stores.spans, { shape: [variables.length, 4] }),
    ratios: tensorIn(stores.ratios, { shape: [variables.length] }),
    owners: tensorIn(stores.owners, { shape: [blockCount] }),
  };
  return {
    prepare(memory) {
      const owners = new Uint32Array(blockCount);
      variables.forEach((variable, i) => {
        const { first, end } = blocksOf(variable);
        owners.fill(i, first, end);
      });
      memory.write(stores.pieces, Uint32Array.from(pieces.flatMap(({ first, count }) => [first, count])));
      memory.write(stores.spans, Uint32Array.from(spans));
      memory.write(stores.owners, owners);
    },
    record(tape, { parts, scales, step }, rule) {
      for (const { tensors: slices, block, end } of parts) {
        const first = pieces.findIndex((piece) => piece.first >= block);
        const count = pieces.filter((piece) => piece.first >= block && piece.first < end).length;
        const { pieces: table, sums } = tensors;
        larsNorms(tape, { ...slices, pieces: table, sums }, { count, first, block });
      }
      larsTrust(tape, { ...tensors, scales, step }, rule);
    },
  };
}

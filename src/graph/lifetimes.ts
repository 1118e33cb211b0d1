/**
 * How a list of dispatches uses memory: the lifetime of each tensor, and how much is alive at once.
 *
 * @module
 */
import type { Access } from "../gpu/kernel.ts";
import type { Store } from "../gpu/memory.ts";
import type { Dispatch } from "./dispatch_list.ts";
import { bytesOf, originOf, type Tensor } from "./tensor.ts";

/** A range of memory that a dispatch binds: the bytes `begin` … `end` − 1 of its owner. */
export interface Use {
  /** The store of a tensor that is placed already, else the tensor itself. */
  readonly owner: Tensor | Store;
  readonly begin: number;
  readonly end: number;
  readonly access: Access;
  /** The tensor as it is bound: perhaps reshaped, or a slice. */
  readonly tensor: Tensor;
}

/** The uses of a dispatch, in the order of its bindings. A binding of unknown access counts as a write. */
export function usesOf({ kernel, tensors }: Dispatch): Use[] {
  const accesses = Object.values(kernel.bindings);
  return tensors.map((tensor, i) => {
    const origin = originOf(tensor);
    const begin = (origin.region?.offset ?? 0) + (tensor.offset ?? 0);
    const end = begin + bytesOf(tensor);
    return { owner: origin.region?.store ?? origin, begin, end, access: accesses[i] ?? "read_write", tensor };
  });
}

/** Whether two uses have a byte in common. */
export function overlap(a: Use, b: Use): boolean {
  return a.owner === b.owner && a.begin < b.end && b.begin < a.end;
}

/** The lifetime of a tensor that is not placed yet, in indices of dispatches. */
export interface Life {
  readonly tensor: Tensor;
  readonly bytes: number;
  readonly first: number;
  last: number;
  /** The dispatches that bind it for writing, and the others that bind it, each once and in order. */
  readonly writes: number[];
  readonly reads: number[];
}

/** The lifetimes of all tensors of `dispatches` that are not placed yet; those of `keep` outlive the last dispatch. */
export function livesOf(
  dispatches: readonly Dispatch[],
  keep: readonly Tensor[] = [],
): Map<Tensor, Life> {
  const lives = new Map<Tensor, Life>();
  dispatches.forEach(({ kernel, tensors }, i) => {
    const accesses = Object.values(kernel.bindings);
    tensors.forEach((bound, j) => {
      const tensor = originOf(bound);
      if (tensor.region) return;
      let life = lives.get(tensor);
      if (!life) {
        life = { tensor, bytes: bytesOf(tensor), first: i, last: i, writes: [], reads: [] };
        lives.set(tensor, life);
      }
      life.last = i;
      const written = (accesses[j] ?? "read_write") === "read_write";
      if (written && life.reads.at(-1) === i) life.reads.pop();
      const list = written ? life.writes : life.reads;
      if (life.writes.at(-1) !== i && list.at(-1) !== i) list.push(i);
    });
  });
  for (const tensor of keep) {
    const life = lives.get(originOf(tensor));
    if (life) life.last = dispatches.length;
  }
  return lives;
}

/** The most bytes that are alive at once, which every plan needs at least. `at`: the first dispatch with so many. */
export function livePeak(
  lives: Iterable<Pick<Life, "bytes" | "first" | "last">>,
): { bytes: number; at: number } {
  const change: number[] = [];
  for (const { bytes, first, last } of lives) {
    change[first] = (change[first] ?? 0) + bytes;
    change[last + 1] = (change[last + 1] ?? 0) - bytes;
  }
  let live = 0, peak = { bytes: 0, at: 0 };
  // Holes of a sparse array are skipped, in the order of its indices.
  change.forEach((n, at) => {
    live += n;
    if (live > peak.bytes) peak = { bytes: live, at };
  });
  return peak;
}

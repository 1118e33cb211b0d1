/**
 * Recomputation: tensors that are cheap to compute are recomputed for the backward pass instead of being kept for it.
 *
 * The result of a normalization or an activation is needed in the forward pass and again much later; its input and statistics
 * are kept for the backward pass in any case. In between, the result need not exist: right before its later uses a copy of its
 * dispatches writes it to a new tensor. Same kernel, same inputs: same bits. It costs the time to read and write the tensor
 * once more, so it is done only until the live bytes are within a budget.
 *
 * @module
 */
import { type Life, livePeak, livesOf, overlap, type Use, usesOf } from "./lifetimes.ts";
import type { Dispatch } from "./dispatch_list.ts";
import { originOf, type Tensor } from "./tensor.ts";

/**
 * A copy may be recomputed in turn: in a chain of residual sums the copies of the first ones wait until those of the last
 * are used. More than two saved nothing in ResNets, and made the work grow as the square of a chain's length.
 */
const MAX_COPIES = 2;
/** Recomputed tensors may depend on other recomputed tensors, to this depth. */
const MAX_DEPTH = 3;

/**
 * `dispatches` with tensors recomputed such that at most `budget` bytes are alive at once, or as few as that achieves.
 * Equal lists give equal lists.
 *
 * One tensor is taken at a time: of those that are only waiting at the peak, the largest; of equally large ones the latest,
 * whose copy may then read the earlier ones before they are taken in turn. A tensor that would raise the peak is skipped.
 *
 * @param options `keep`: tensors that must exist after the last dispatch.
 */
export function rematerialize(
  dispatches: readonly Dispatch[],
  { budget, keep = [] }: { budget: number; keep?: readonly Tensor[] },
): readonly Dispatch[] {
  const settled = new Set(keep.map(originOf));
  /** The original of each recomputed tensor. */
  const equals = new Map<Tensor, Tensor>();
  /** How many times each tensor has been recomputed. */
  const copies = new Map<Tensor, number>();
  let lives = livesOf(dispatches, keep), peak = livePeak(lives.values());
  while (peak.bytes > budget) {
    let taken: Life | undefined;
    for (const life of lives.values()) {
      if (
        !settled.has(life.tensor) && (!taken || life.bytes >= taken.bytes) &&
        firstUseAfter(life, peak.at) !== undefined && isRepeatable(dispatches, life)
      ) taken = life;
    }
    if (!taken) break;
    settled.add(taken.tensor);
    const at = firstUseAfter(taken, peak.at)!;
    const again = copyOf(dispatches, { life: taken, at, lives, equals, written: writesToStores(dispatches) });
    if (!again) continue;
    const replaced = new Map([[taken.tensor, again.copy]]);
    const list = [
      ...dispatches.slice(0, at),
      ...again.dispatches,
      ...dispatches.slice(at).map((dispatch) => substitute(dispatch, replaced)),
    ];
    const listLives = livesOf(list, keep), listPeak = livePeak(listLives.values());
    if (listPeak.bytes > peak.bytes) continue;
    const times = (copies.get(taken.tensor) ?? 0) + 1;
    copies.set(again.copy, times);
    if (times === MAX_COPIES) settled.add(again.copy);
    equals.set(again.copy, equals.get(taken.tensor) ?? taken.tensor);
    [dispatches, lives, peak] = [list, listLives, listPeak];
  }
  return dispatches;
}

/** The first use after dispatch `i`, if `i` lies between two uses. */
function firstUseAfter({ reads }: Life, i: number): number | undefined {
  const next = reads.findIndex((read) => read >= i);
  return next > 0 && reads[next] > i ? reads[next] : undefined;
}

/** Whether all dispatches that write the tensor can be repeated, and precede all that read it. */
function isRepeatable(dispatches: readonly Dispatch[], { tensor, writes, reads }: Life): boolean {
  return writes.length > 0 && writes[writes.length - 1] < reads[0] &&
    writes.every((i) =>
      dispatches[i].kernel.repeatable &&
      usesOf(dispatches[i]).every(({ owner, access }) => access !== "read_write" || owner === tensor)
    );
}

/** A write to given memory, such as the parameters. */
interface Write {
  dispatch: number;
  use: Use;
}

function writesToStores(dispatches: readonly Dispatch[]): Write[] {
  return dispatches.flatMap((dispatch, i) =>
    dispatch.tensors.some((tensor) => originOf(tensor).region)
      ? usesOf(dispatch)
        .filter(({ access, tensor }) => access === "read_write" && originOf(tensor).region)
        .map((use) => ({ dispatch: i, use }))
      : []
  );
}

/**
 * The dispatches that recompute the tensor of `life` before dispatch `at`, and the tensor that they write. Null if one of
 * their inputs has gone or changed by then.
 */
function copyOf(
  dispatches: readonly Dispatch[],
  { life, depth = 0, ...state }: {
    life: Life;
    at: number;
    lives: ReadonlyMap<Tensor, Life>;
    equals: ReadonlyMap<Tensor, Tensor>;
    written: readonly Write[];
    depth?: number;
  },
): { dispatches: Dispatch[]; copy: Tensor } | null {
  if (depth > MAX_DEPTH || !isRepeatable(dispatches, life)) return null;
  const { at, lives, equals, written } = state;
  const same = (tensor: Tensor) => equals.get(tensor) ?? tensor;
  const copy: Tensor = { ...life.tensor, name: same(life.tensor).name };
  const replaced = new Map([[life.tensor, copy]]);
  const before: Dispatch[] = [];
  for (const index of life.writes) {
    for (const input of usesOf(dispatches[index])) {
      const tensor = originOf(input.tensor);
      if (replaced.has(tensor)) continue;
      const own = lives.get(tensor);
      const changed = own
        ? own.writes.some((i) => i > index && i < at)
        : written.some(({ dispatch: i, use }) => i > index && i < at && overlap(use, input));
      if (changed) return null;
      if (!own) continue;
      // The tensor itself, or a copy of it that is alive now.
      const alive = [...lives.values()].find((other) =>
        same(other.tensor) === same(tensor) && other.first < at && other.last >= at
      );
      if (alive) {
        replaced.set(tensor, alive.tensor);
        continue;
      }
      const made = copyOf(dispatches, { ...state, life: own, depth: depth + 1 });
      if (!made) return null;
      before.push(...made.dispatches);
      replaced.set(tensor, made.copy);
    }
  }
  return { dispatches: [...before, ...life.writes.map((i) => substitute(dispatches[i], replaced))], copy };
}

/** `dispatch` on other tensors: slices and reshapes of a replaced tensor become those of its replacement. */
function substitute(dispatch: Dispatch, replaced: ReadonlyMap<Tensor, Tensor>): Dispatch {
  if (!dispatch.tensors.some((tensor) => replaced.has(originOf(tensor)))) return dispatch;
  const tensors = dispatch.tensors.map((tensor) => {
    const origin = replaced.get(originOf(tensor));
    return !origin ? tensor : tensor.origin ? { ...tensor, origin } : origin;
  });
  return { ...dispatch, tensors };
}

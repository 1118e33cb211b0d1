/**
 * Places tensors: in which buffer, and where in it.
 *
 * @module
 */
import { ALIGNMENT, roundUp, type Store } from "../gpu/memory.ts";
import { type Life, usesOf } from "./lifetimes.ts";
import type { Dispatch } from "./dispatch_list.ts";
import type { Tensor } from "./tensor.ts";

/** A buffer that is planned, and which tensor has which part of it when. */
interface Buffer {
  store: Store;
  tenants: { life: Life; begin: number; end: number }[];
}

/**
 * Gives each tensor of `lives` a region, in as few bytes of buffers as it finds. Returns the buffers.
 *
 * The largest tensors come first. Each takes the tightest gap that is free throughout its lifetime in any buffer, or a new
 * buffer of its size: so a buffer is as large as its first tenant, and smaller tensors lie side by side where a larger
 * one lies before or after. WebGPU forbids a dispatch to bind a buffer for reading and for writing, even in disjoint parts:
 * tensors in conflict never share one.
 */
export function placeTensors(dispatches: readonly Dispatch[], lives: Iterable<Life>): Store[] {
  const conflicts = conflictsOf(dispatches);
  const buffers: Buffer[] = [];
  for (const life of [...lives].sort((a, b) => b.bytes - a.bytes || a.first - b.first)) {
    const bytes = roundUp(life.bytes, ALIGNMENT);
    let best: { buffer: Buffer; begin: number; room: number } | undefined;
    for (const buffer of buffers) {
      if (buffer.store.bytes < bytes) continue;
      const excluded = conflicts.get(life.tensor);
      if (excluded && buffer.tenants.some(({ life: { tensor } }) => excluded.has(tensor))) continue;
      for (const gap of gapsOf(buffer, life)) {
        if (gap.room >= bytes && (!best || gap.room < best.room)) best = { buffer, ...gap };
      }
    }
    if (!best) {
      const store: Store = { name: `buffer of ${life.tensor.name}`, category: "activations", bytes };
      best = { buffer: { store, tenants: [] }, begin: 0, room: bytes };
      buffers.push(best.buffer);
    }
    const { buffer, begin } = best;
    buffer.tenants.push({ life, begin, end: begin + bytes });
    life.tensor.region = { store: buffer.store, offset: begin, bytes: life.bytes };
  }
  return buffers.map(({ store }) => store);
}

/** The ranges of `buffer` that are free throughout `life`. */
function gapsOf({ store, tenants }: Buffer, { first, last }: Life): { begin: number; room: number }[] {
  const taken = tenants.filter(({ life }) => life.first <= last && first <= life.last)
    .sort((a, b) => a.begin - b.begin);
  const gaps: { begin: number; room: number }[] = [];
  let at = 0;
  for (const { begin, end } of [...taken, { begin: store.bytes, end: store.bytes }]) {
    if (begin > at) gaps.push({ begin: at, room: begin - at });
    at = Math.max(at, end);
  }
  return gaps;
}

/** The conflicts of each tensor: those that some dispatch reads while it writes it, or writes while it reads it. */
function conflictsOf(dispatches: readonly Dispatch[]): Map<Tensor, Set<Tensor>> {
  const conflicts = new Map<Tensor, Set<Tensor>>();
  const add = (a: Tensor, b: Tensor) => {
    const known = conflicts.get(a);
    if (known) known.add(b);
    else conflicts.set(a, new Set([b]));
  };
  for (const dispatch of dispatches) {
    // A texture is a copy: the buffer behind it is not bound.
    const uses = usesOf(dispatch).filter(({ access }) => access !== "texture");
    for (const { owner: written, access } of uses) {
      if (access !== "read_write" || "category" in written) continue;
      for (const { owner: read, access } of uses) {
        if (access === "read_write" || "category" in read || read === written) continue;
        add(written, read);
        add(read, written);
      }
    }
  }
  return conflicts;
}

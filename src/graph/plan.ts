/**
 * The memory plan: every tensor of a trace is placed before anything is allocated.
 *
 * A tensor lives from the dispatch that first writes it to the last one that binds it. Where too much is alive at once,
 * some tensors are recomputed instead of kept (rematerialize.ts); then each gets a part of a buffer for its
 * lifetime (placement.ts), and tensors that kernels read as textures are copied (texture_copies.ts).
 *
 * @module
 */
import type { Limits } from "../gpu/device.ts";
import { allocatedBytes, type Category, type Store, textureRows } from "../gpu/memory.ts";
import { livePeak, livesOf } from "./lifetimes.ts";
import { placeTensors } from "./placement.ts";
import { rematerialize } from "./rematerialize.ts";
import type { Dispatch } from "./dispatch_list.ts";
import { bytesOf, originOf, type Tensor } from "./tensor.ts";
import { type PlannedDispatch, planTextureCopies } from "./texture_copies.ts";

/** When activations are recomputed for the backward pass instead of being kept: see {@linkcode liveBudget}. */
export type Recompute = "auto" | "always" | "never";

/**
 * Up to so many live bytes, memory is spent to save time: nothing is recomputed, and texture copies are kept. Beyond, a step
 * has up to a sixth more memory traffic and needs little more than half of the memory.
 *
 * A CPU shares its memory with everything else that runs. A GPU has its own, but WebGPU does not say how much. GPUs that
 * people train on have 8 GB or more: up to 8 GiB a step keeps everything (resnet18 at batch 512: 4.9 GB); beyond, it
 * recomputes enough to stay below (at batch 1024 it would have 9.8 GB, and has 8.2).
 */
const LIVE_BUDGET = { software: 2 ** 31, hardware: 2 ** 33 };

/** Bytes that may be alive at once before something is recomputed: for "never" unlimited, for "always" none. */
export function liveBudget(recompute: Recompute, { software }: { software: boolean }): number {
  if (recompute === "auto") return software ? LIVE_BUDGET.software : LIVE_BUDGET.hardware;
  return recompute === "always" ? 0 : Infinity;
}

/** Dispatches without a read after which a texture copy is dropped. More of them save few copies and take many bytes. */
const GAP = 8;

/** Where everything lies and how much memory it takes. */
export interface Plan {
  /** The dispatches to run, in order. */
  dispatches: PlannedDispatch[];
  /** All stores of the trace: the given ones, and the buffers that other tensors share. */
  stores: Store[];
  /** The textures that copies share. */
  textures: Store[];
  /** Bytes by category. */
  bytes: Map<Category, number>;
  total: number;
  /** The most bytes that are alive at once: of activations, and of copies. The plan has gaps in addition. */
  live: { activations: number; copies: number };
  /** Bytes of the largest binding of a buffer, and its tensor; a slice binds only a part. */
  largest: { bytes: number; name: string };
}

/**
 * Places each tensor of `dispatches` that is not placed yet.
 *
 * @param keep Tensors that must survive the last dispatch, such as outputs that are read back.
 * @param options `budget`: bytes that may be alive at once before time is spent to save memory. `maxTexture`: rows of the
 * device's largest texture; a larger store of parameters is copied tensor by tensor.
 */
export function planMemory(
  dispatches: readonly Dispatch[],
  keep: readonly Tensor[] = [],
  { budget = LIVE_BUDGET.software, maxTexture = Infinity }: { budget?: number; maxTexture?: number } = {},
): Plan {
  const list = rematerialize(dispatches, { budget, keep });
  const lives = [...livesOf(list, keep).values()];
  placeTensors(list, lives);
  const live = livePeak(lives).bytes;
  let copied = planTextureCopies(list, { gap: Infinity, maxTexture });
  if (live + copied.peak > budget) copied = planTextureCopies(list, { gap: GAP, maxTexture });
  const { planned, textures, peak } = copied;

  const stores = new Set(
    list.flatMap(({ tensors }) => tensors.map((tensor) => originOf(tensor).region!.store)),
  );
  const bytes = new Map<Category, number>();
  for (const store of [...stores, ...textures]) {
    bytes.set(store.category, (bytes.get(store.category) ?? 0) + allocatedBytes(store));
  }
  return {
    dispatches: planned,
    stores: [...stores],
    textures,
    bytes,
    total: [...bytes.values()].reduce((sum, n) => sum + n, 0),
    live: { activations: live, copies: peak },
    largest: largestBinding(list),
  };
}

/** Why `plan` exceeds these limits, in words; null if it fits. */
export function obstacleTo({ largest, stores, textures }: Plan, limits: Limits): string | null {
  const { maxBinding, maxBuffer, maxTexture } = limits;
  if (largest.bytes > maxBinding) {
    return `"${largest.name}" takes ${largest.bytes} bytes, and a binding has at most ${maxBinding}`;
  }
  for (const store of stores) {
    const bytes = allocatedBytes(store);
    if (bytes > maxBuffer) {
      return `"${store.name}" takes ${bytes} bytes, and a buffer has at most ${maxBuffer}`;
    }
  }
  for (const texture of textures) {
    const rows = textureRows(texture);
    if (rows > maxTexture) {
      return `a texture copy takes ${rows} rows, and a texture has at most ${maxTexture}`;
    }
  }
  return null;
}

/** The largest binding; texture copies are not bound, and have a limit of their own. */
function largestBinding(dispatches: readonly Dispatch[]): Plan["largest"] {
  let largest = { bytes: 0, name: "" };
  for (const { kernel, tensors } of dispatches) {
    const accesses = Object.values(kernel.bindings);
    tensors.forEach((tensor, i) => {
      const bytes = bytesOf(tensor);
      if (accesses[i] !== "texture" && bytes > largest.bytes) largest = { bytes, name: tensor.name };
    });
  }
  return largest;
}

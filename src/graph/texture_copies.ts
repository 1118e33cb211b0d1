/**
 * Texture copies: which parts of which stores are copied to textures, when, and to which.
 *
 * A texture takes as many bytes as its source; to copy a hundred megabytes takes about 15 ms. So a copy serves reads that
 * follow each other closely, and is repeated for a late one; and copies of one type share textures: every copy begins at a
 * texture's first texel, so that any texture with enough rows holds it.
 *
 * @module
 */
import type { ElementType } from "../gpu/kernel.ts";
import { type Region, type Store, textureBytes, textureRows } from "../gpu/memory.ts";
import { livePeak } from "./lifetimes.ts";
import type { Dispatch } from "./dispatch_list.ts";
import { originOf, regionOf, typeOf } from "./tensor.ts";

/** A copy to the beginning of a texture. */
export interface TextureCopy {
  readonly from: Region;
  readonly to: Store;
}

/** A dispatch, with the texture copies that it needs. */
export interface PlannedDispatch {
  readonly dispatch: Dispatch;
  /** The copies that are made before it. */
  readonly copies: readonly TextureCopy[];
  /** The copies that it reads, by the index of the binding. */
  readonly textures: ReadonlyMap<number, TextureCopy>;
}

/** A copy without a texture yet: made before dispatch `first`, last read by dispatch `last`. */
interface Need {
  from: Region;
  type: ElementType;
  bytes: number;
  first: number;
  last: number;
}

/**
 * Plans the copies of `dispatches`, whose tensors are placed; returns the textures too, and the most bytes in use.
 *
 * @param options `gap`: dispatches without a read after which a copy is dropped. `maxTexture`: rows of the largest texture.
 */
export function planTextureCopies(
  dispatches: readonly Dispatch[],
  { gap, maxTexture }: { gap: number; maxTexture: number },
): { planned: PlannedDispatch[]; textures: Store[]; peak: number } {
  const needs: Need[] = [];
  // Copies whose source has not changed since. Initially none: the host or the last run wrote it.
  let valid: Need[] = [];
  const reads = dispatches.map((dispatch, i) => {
    const accesses = Object.values(dispatch.kernel.bindings);
    const found = new Map<number, Need>();
    accesses.forEach((access, binding) => {
      if (access !== "texture") return;
      const from = copiedPart(dispatch, { binding, maxTexture }), type = typeOf(dispatch.tensors[binding]);
      let need = valid.find((known) => known.type === type && isSame(known.from, from));
      if (!need) {
        need = { from, type, bytes: textureBytes({ bytes: from.bytes, type }), first: i, last: i };
        needs.push(need);
        valid.push(need);
      }
      need.last = i;
      found.set(binding, need);
    });
    const written = dispatch.tensors.filter((_, j) => accesses[j] === "read_write").map(regionOf);
    valid = valid.filter(({ from, last }) =>
      i - last < gap && !written.some((region) => meets(region, from))
    );
    return found;
  });

  const { copies, textures } = assignTextures(needs);
  const made = Map.groupBy(needs, ({ first }) => first);
  const planned = dispatches.map((dispatch, i) => ({
    dispatch,
    copies: (made.get(i) ?? []).map((need) => copies.get(need)!),
    textures: new Map([...reads[i]].map(([binding, need]) => [binding, copies.get(need)!])),
  }));
  return { planned, textures, peak: livePeak(needs).bytes };
}

/**
 * The part that is copied for a binding: the tensor; or its whole store if that was given and the kernel has a parameter
 * `…At` for the position of the tensor in it. A store of parameters is copied once for all kernels that follow, unless no
 * texture holds it.
 */
function copiedPart(
  { kernel, tensors }: Dispatch,
  { binding, maxTexture }: { binding: number; maxTexture: number },
): Region {
  const name = Object.keys(kernel.bindings)[binding];
  const region = regionOf(tensors[binding]), whole = originOf(tensors[binding]).region!;
  const given = region.store.category !== "activations", isSlice = region.bytes < whole.bytes;
  const rows = textureRows({ bytes: region.store.bytes, type: tensors[binding].type });
  return given && !isSlice && `${name}At` in kernel.params && rows <= maxTexture
    ? { store: region.store, offset: 0, bytes: region.store.bytes }
    : region;
}

/** The largest copies first, each to the last texture that is free during its lifetime, or to a new one. */
function assignTextures(needs: readonly Need[]): { copies: Map<Need, TextureCopy>; textures: Store[] } {
  const pool: { store: Store; tenants: Need[] }[] = [];
  const copies = new Map<Need, TextureCopy>();
  for (const need of [...needs].sort((a, b) => b.bytes - a.bytes || a.first - b.first)) {
    let texture = pool.findLast(({ store, tenants }) =>
      store.type === need.type && tenants.every(({ first, last }) => last < need.first || need.last < first)
    );
    if (!texture) {
      const store: Store = {
        name: `texture ${pool.length}`,
        category: "texture copies",
        bytes: need.bytes,
        type: need.type,
      };
      texture = { store, tenants: [] };
      pool.push(texture);
    }
    texture.tenants.push(need);
    copies.set(need, { from: need.from, to: texture.store });
  }
  return { copies, textures: pool.map(({ store }) => store) };
}

function isSame(a: Region, b: Region): boolean {
  return a.store === b.store && a.offset === b.offset && a.bytes === b.bytes;
}

function meets(a: Region, b: Region): boolean {
  return a.store === b.store && a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

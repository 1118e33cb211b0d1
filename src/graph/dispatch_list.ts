/**
 * A list of kernel launches for one device, and the tensors between them: a plan places the tensors, a program replays the
 * launches.
 *
 * @module
 */
import { MachineError } from "../base/errors.ts";
import { type Constants, type ElementType, type Kernel, typedKernel } from "../gpu/kernel.ts";
import { ALIGNMENT } from "../gpu/memory.ts";
import type { DeviceProfile } from "./device_profile.ts";
import { bytesOf, originOf, sizeOf, slice, type Tensor, typeOf } from "./tensor.ts";

/** One kernel launch. */
export interface Dispatch {
  readonly kernel: Kernel;
  readonly constants: Constants;
  /** The tensors in the order of the kernel's bindings. */
  readonly tensors: readonly Tensor[];
  readonly params: Readonly<Record<string, number>>;
  /** Workgroups in x, y, z. */
  readonly grid: readonly [number, number, number];
  /** Floating-point operations of the equation, a multiply-add counting two; 0 where memory bandwidth is the limit. */
  readonly flops: number;
  /** Fewest bytes read and written, if that is not each tensor once. */
  readonly bytes?: number;
}

/** The arguments of {@linkcode DispatchList.dispatch}. */
export interface Launch {
  /** The tensors by binding name. */
  tensors: Readonly<Record<string, Tensor>>;
  params?: Readonly<Record<string, number>>;
  grid: readonly [number, number, number];
  constants?: Constants;
  flops?: number;
  bytes?: number;
}

/** How tensors may be split: item i is rows begin(i) … begin(i + 1) − 1 of each of them. */
export interface Items {
  readonly count: number;
  begin(i: number): number;
}

/** Some of the items, in slices small enough for a kernel. */
export interface Piece<Tensors> {
  /** Slices by tensor name; the tensors themselves where nothing had to be split. */
  readonly tensors: Tensors;
  /** The items `first` … `end` − 1. */
  readonly first: number;
  readonly end: number;
  /** The row at which the slices begin: begin(first), or up to 31 rows before, as bindings are aligned. */
  readonly row: number;
}

/** Kernel launches in order, as they are recorded. */
export class DispatchList {
  readonly dispatches: Dispatch[] = [];

  /** @param target The device that the kernels are for. */
  constructor(readonly target: DeviceProfile) {}

  /** A tensor that lives for part of the step; the plan places it. */
  tensor(name: string, shape: readonly number[], type?: ElementType): Tensor {
    return { name, shape, type, region: null };
  }

  /**
   * `tensor` with another shape of the same size: it shares memory and gradient.
   */
  reshape(tensor: Tensor, shape: readonly number[]): Tensor {
    if (sizeOf(shape) !== sizeOf(tensor.shape)) {
      throw new TypeError(`Cannot reshape "${tensor.name}": [${tensor.shape}] and [${shape}] differ in size`);
    }
    return {
      name: tensor.name,
      shape,
      type: tensor.type,
      region: tensor.region,
      origin: originOf(tensor),
      offset: tensor.offset,
      gradient: tensor.gradient,
    };
  }

  /** Appends a kernel launch, of the kernel for the types of its tensors. */
  dispatch(kernel: Kernel, { tensors, params = {}, grid, constants = {}, flops = 0, bytes }: Launch): void {
    const ordered = Object.keys(kernel.bindings).map((name) => {
      const tensor = tensors[name];
      if (!tensor) throw new TypeError(`Cannot run "${kernel.name}": its tensor ${name} is missing`);
      return tensor;
    });
    if (grid.some((n) => !Number.isInteger(n) || n < 1 || n > this.target.maxGrid)) {
      throw new MachineError(
        `Cannot run "${kernel.name}": it needs a grid of [${grid}], and each dimension has 1 … ` +
          `${this.target.maxGrid} workgroups on this device.`,
        { problem: "batch" },
      );
    }
    const types = Object.fromEntries(Object.keys(kernel.bindings).map((key) => [key, typeOf(tensors[key])]));
    this.dispatches.push({
      kernel: typedKernel(kernel, types),
      constants,
      tensors: ordered,
      params,
      grid,
      flops,
      bytes,
    });
  }

  /**
   * A grid of at least `n` workgroups in x and y, and `z` in z. Kernels count them as `x + y · gridX` and skip those
   * beyond `n`.
   */
  grid(n: number, z = 1): [number, number, number] {
    const rows = Math.ceil(n / this.target.maxGrid);
    return [Math.ceil(n / rows), rows, z];
  }

  /**
   * Splits `tensors`, which have equally many rows (usually images), into pieces that a kernel can bind: usually one,
   * several where a tensor has more bytes than the target's `maxBinding`.
   *
   * @param items Where to cut, for a kernel that takes {@linkcode Piece.row} into account. Otherwise the cuts are where the
   * slices are aligned, and a kernel handles a piece like a whole tensor.
   * @throws {MachineError} if not even one item fits.
   */
  pieces<Tensors extends Readonly<Record<string, Tensor>>>(
    tensors: Tensors,
    items?: Items,
  ): Piece<Tensors>[] {
    const all = Object.values(tensors), [rows] = all[0].shape, { maxBinding } = this.target;
    const bytes = all.map((tensor) => bytesOf(tensor) / rows);
    const largest = Math.max(...bytes), fitting = Math.floor(maxBinding / largest);
    // All tensors are aligned at multiples of so many rows: at most 32, as a row is a multiple of 8 bytes.
    let unit = 1;
    while (bytes.some((n) => unit * n % ALIGNMENT !== 0)) unit *= 2;
    const { count, begin } = items ??
      { count: Math.ceil(rows / unit), begin: (i) => Math.min(i * unit, rows) };
    if (rows <= fitting) return [{ tensors, first: 0, end: count, row: 0 }];

    const pieces: Piece<Tensors>[] = [];
    for (let first = 0, end = 0; first < count; first = end) {
      const row = Math.floor(begin(first) / unit) * unit;
      while (end < count && begin(end + 1) - row <= fitting) end++;
      if (end === first) {
        const { name } = all[bytes.indexOf(largest)], needed = begin(end + 1) - row;
        throw new MachineError(
          `Cannot split "${name}": ${needed} of its ${rows} rows of ${largest} bytes must be bound together, and a ` +
            `binding of this device has at most ${maxBinding} bytes.`,
          { problem: "size" },
        );
      }
      const range = { begin: row, end: begin(end) };
      const slices = Object.entries(tensors).map(([name, tensor]) => [name, slice(tensor, range)]);
      pieces.push({ tensors: Object.fromEntries(slices), first, end, row });
    }
    return pieces;
  }
}

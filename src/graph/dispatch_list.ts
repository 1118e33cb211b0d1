/**
 * A list of kernel launches for one device, and the tensors between them. The result is flat: a plan places and replays it.
 *
 * @module
 */
import { MachineError } from "../base/errors.ts";
import type { Constants, Kernel } from "../gpu/kernel.ts";
import { ALIGNMENT } from "../gpu/memory.ts";
import type { DeviceProfile } from "./device_profile.ts";
import { originOf, sizeOf, slice, type Tensor } from "./tensor.ts";

/** One kernel launch. */
export interface Dispatch {
  readonly kernel: Kernel;
  readonly constants: Constants;
  /** The tensors in the order of the kernel's bindings. */
  readonly tensors: readonly Tensor[];
  readonly params: Readonly<Record<string, number>>;
  /** Workgroups in x, y, z. */
  readonly grid: readonly [number, number, number];
  /** Floating-point operations of the equation, a multiply-add being two; 0 where memory is what limits. */
  readonly flops: number;
  /** Bytes that are read and written at the least, if that is not each tensor once. */
  readonly bytes?: number;
}

/** What an op asks for with {@linkcode Tape.dispatch}. */
export interface Launch {
  /** The tensors by binding name. */
  tensors: Readonly<Record<string, Tensor>>;
  params?: Readonly<Record<string, number>>;
  grid: readonly [number, number, number];
  constants?: Constants;
  flops?: number;
  bytes?: number;
}

/** Into what tensors may be split: item i is rows begin(i) … begin(i + 1) − 1 of each of them. */
export interface Items {
  readonly count: number;
  begin(i: number): number;
}

/** Some of the items, in slices small enough for a kernel. */
export interface Piece<Tensors> {
  /** Slices by the names of the tensors they are of; the tensors themselves where nothing had to be split. */
  readonly tensors: Tensors;
  /** The items `first` … `end` − 1. */
  readonly first: number;
  readonly end: number;
  /** The row that the slices begin at: begin(first), or up to 15 rows before, as bindings are aligned. */
  readonly row: number;
}

/** Kernel launches in order, as they are recorded. */
export class DispatchList {
  readonly dispatches: Dispatch[] = [];

  /** @param target The machine that the kernels are for. */
  constructor(readonly target: DeviceProfile) {}

  /** A tensor that lives for part of the step; the plan finds a place for it. */
  tensor(name: string, shape: readonly number[]): Tensor {
    return { name, shape, region: null };
  }

  /**
   * `tensor` under another shape of the same size: one memory, one gradient. Both names lead to the same place, so
   * that a shape costs nothing.
   */
  reshape(tensor: Tensor, shape: readonly number[]): Tensor {
    if (sizeOf(shape) !== sizeOf(tensor.shape)) {
      throw new TypeError(`Cannot reshape ${tensor.name} as [${tensor.shape}] and [${shape}] differ in size`);
    }
    return {
      name: tensor.name,
      shape,
      region: tensor.region,
      origin: originOf(tensor),
      offset: tensor.offset,
      gradient: tensor.gradient,
    };
  }

  /** Appends a kernel launch. */
  dispatch(kernel: Kernel, { tensors, params = {}, grid, constants = {}, flops = 0, bytes }: Launch): void {
    const ordered = Object.keys(kernel.bindings).map((name) => {
      const tensor = tensors[name];
      if (!tensor) throw new TypeError(`Cannot run ${kernel.name} as its tensor ${name} is missing`);
      return tensor;
    });
    if (grid.some((n) => !Number.isInteger(n) || n < 1 || n > this.target.maxGrid)) {
      throw new MachineError(
        `Cannot run ${kernel.name} as a grid has 1 … ${this.target.maxGrid} workgroups in each direction: [${grid}] are ` +
          `asked for. Lower --batch, --size, --hidden or --projection.`,
      );
    }
    this.dispatches.push({ kernel, constants, tensors: ordered, params, grid, flops, bytes });
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
   * Splits `tensors`, all of equally many rows (as a rule images), into pieces of which a kernel can bind each: one
   * piece as a rule, several where a tensor has more bytes than the target's `maxBinding`.
   *
   * @param items Where to cut, for a kernel that knows from {@linkcode Piece.row} what it was given. Otherwise the cuts
   * come where the slices are aligned, and a kernel takes a piece for all there is.
   * @throws {MachineError} if not even one item fits.
   */
  pieces<Tensors extends Readonly<Record<string, Tensor>>>(
    tensors: Tensors,
    items?: Items,
  ): Piece<Tensors>[] {
    const all = Object.values(tensors), [rows] = all[0].shape, { maxBinding } = this.target;
    const bytes = all.map(({ shape }) => sizeOf(shape) / rows * 4);
    const largest = Math.max(...bytes), fitting = Math.floor(maxBinding / largest);
    // Every how many rows all tensors are aligned: 16 at the most, as a row is a multiple of 16 bytes.
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
          `Cannot run on this GPU as ${name} cannot be split into less than ${needed} of its ${rows} rows of ` +
            `${largest} bytes, and a kernel sees at most ${maxBinding} bytes: lower --size, --hidden or --projection`,
        );
      }
      const range = { begin: row, end: begin(end) };
      const slices = Object.entries(tensors).map(([name, tensor]) => [name, slice(tensor, range)]);
      pieces.push({ tensors: Object.fromEntries(slices), first, end, row });
    }
    return pieces;
  }
}

/**
 * How a trace chooses between kernels that do the same work.
 *
 * @module
 */
import { DEFAULT_LIMITS, type Gpu } from "../gpu/device.ts";
import type { DeviceProfile } from "./device_profile.ts";
import type { DispatchList } from "./dispatch_list.ts";
import type { Tensor } from "./tensor.ts";

/** A device, and how kernels are chosen for it. */
export interface ChoosingProfile extends DeviceProfile {
  /** Picks a variant of a choice, or none to take the default. */
  readonly chooser?: KernelChooser;
}

/** Picks a variant of a choice by name. */
export type KernelChooser = (choice: KernelChoice) => string | undefined;

/** One implementation of some work. */
export interface Variant {
  /** Appends the work; `tensors` are named and shaped as those of the choice. */
  record(list: DispatchList, tensors: Readonly<Record<string, Tensor>>): void;
  /** Known to be slow on this device, or slow to compile: the tuner does not time it. */
  readonly skipTuning?: boolean;
}

/** The one tensor of a choice that its variants write. */
export interface Result {
  readonly name: string;
  /** Terms of the longest sum of an element, which determines how much right variants can differ. */
  readonly terms: number;
  /** Element `i` in double precision; `read` gives the elements of any tensor of the choice before the work. */
  element(i: number, read: (name: string, i: number) => number): number;
}

/** Work that several variants can do. */
export interface KernelChoice {
  /** What is computed, such as "conv2d forward", and the sizes that matter, in words. */
  readonly name: string;
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly result: Result;
  /** By name; the first is the default. */
  readonly variants: Readonly<Record<string, Variant>>;
}

/** Picks the first variant whose name begins with `family`, if there is one. */
export function pinned(family: string): KernelChooser {
  return ({ variants }) => Object.keys(variants).find((name) => name.startsWith(family));
}

/** The profile of `gpu`; without one, a profile that any device fulfills. */
export function deviceProfileOf(gpu: Gpu | null, chooser?: KernelChooser): ChoosingProfile {
  const { maxGrid, maxBinding } = gpu?.limits ?? DEFAULT_LIMITS;
  return {
    subgroupSize: gpu?.subgroupSize ?? 0,
    matrixUnits: gpu?.matrixUnits,
    software: gpu?.software ?? false,
    halfPrecision: gpu?.halfPrecision,
    maxGrid,
    maxBinding,
    chooser,
  };
}

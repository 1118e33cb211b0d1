/**
 * How a trace chooses between kernels that do the same work.
 *
 * @module
 */
import { DEFAULT_LIMITS, type Gpu } from "../gpu/device.ts";
import type { DeviceProfile } from "./device_profile.ts";
import type { DispatchList } from "./dispatch_list.ts";
import type { Tensor } from "./tensor.ts";

/** A machine, and how kernels are chosen for it. */
export interface Target extends DeviceProfile {
  /** Picks one of the ways of a choice, or none to take the default. */
  readonly pick?: Pick;
}

/** Picks a way by name. */
export type Pick = (choice: Choice) => string | undefined;

/** One of the ways to do some work. */
export interface Way {
  /** Appends the work; `tensors` are named and shaped as those of the choice. */
  record(list: DispatchList, tensors: Readonly<Record<string, Tensor>>): void;
  /** Known to be slow on this target, or to compile for long: no one need time it. */
  readonly hopeless?: boolean;
}

/** The one tensor of a choice that its ways write, as they are held against it. */
export interface Result {
  readonly name: string;
  /** Terms of the longest sum of an element: how far right ways can be apart depends on it. */
  readonly terms: number;
  /** Element `i` in double precision; `read` tells the elements of any tensor of the choice, as they are before. */
  element(i: number, read: (name: string, i: number) => number): number;
}

/** The ways to do the same work. */
export interface Choice {
  /** What is done, such as "conv2d forward", and the sizes that matter, in words. */
  readonly name: string;
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly result: Result;
  /** By name; the first is the default. */
  readonly ways: Readonly<Record<string, Way>>;
}

/** Picks the first way whose name begins with `family`, wherever there is one. */
export function pinned(family: string): Pick {
  return ({ ways }) => Object.keys(ways).find((name) => name.startsWith(family));
}

/** The machine of `gpu`, or any where there is none. */
export function targetOf(gpu: Gpu | null, pick?: Pick): Target {
  const { maxGrid, maxBinding } = gpu?.limits ?? DEFAULT_LIMITS;
  return {
    subgroupSize: gpu?.subgroupSize ?? 0,
    software: gpu?.software ?? false,
    maxGrid,
    maxBinding,
    pick,
  };
}

/**
 * What the adapter tells of itself.
 *
 * @module
 */
import type { Gpu } from "../../gpu/device.ts";

/** An adapter, as far as WebGPU describes it. */
export interface AdapterFacts {
  /** Its name, as the driver gives it. */
  name: string;
  /** The vendor's number, or name. */
  vendor: string;
  /** The model's number, or name. */
  device: string;
  /** The family of models; often empty. */
  architecture: string;
  /** The interface that the driver is reached by, such as "Vulkan". */
  backend: string;
  /** The driver's name; WebGPU tells no version. */
  driver: string;
  /** Deno's version stands for that of wgpu, its WebGPU. */
  deno: string;
  /** Whether it computes on the CPU. */
  software: boolean;
  /** The range of subgroup sizes; null where the driver does not say. */
  subgroups: { min: number; max: number } | null;
  /** What the adapter lists, and what the product has of it; Deno grants more than it lists. */
  features: { listed: string[]; granted: string[] };
  /** The adapter's limits by WebGPU's names. */
  limits: Record<string, number>;
}

/** The facts of the adapter that `gpu` was opened on. */
export function adapterFacts({ adapter, device, name, backend, driver, software }: Gpu): AdapterFacts {
  const { vendor, device: model, architecture, subgroupMinSize: min, subgroupMaxSize: max } = adapter.info;
  return {
    name,
    vendor,
    device: model,
    architecture,
    backend,
    driver,
    deno: Deno.version.deno,
    software,
    subgroups: min && max ? { min, max } : null,
    features: { listed: [...adapter.features].sort(), granted: [...device.features].sort() },
    limits: limitsOf(adapter),
  };
}

/** Limits are getters of a prototype, in the order of their names here. */
function limitsOf({ limits }: GPUAdapter): Record<string, number> {
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(limits)).sort();
  const entries = names.map((name) => [name, limits[name as keyof GPUSupportedLimits]] as const);
  return Object.fromEntries(entries.filter(([, value]) => typeof value === "number"));
}

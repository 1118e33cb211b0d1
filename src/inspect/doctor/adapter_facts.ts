/**
 * What the adapter reports about itself.
 *
 * @module
 */
import type { Gpu } from "../../gpu/device.ts";
import type { MatrixUnits } from "../../gpu/matrix_units.ts";
import { implementation, implementationVersion } from "../../gpu/webgpu.ts";

/** An adapter, as far as WebGPU describes it. */
export interface AdapterFacts {
  /** Its name, from the driver. */
  name: string;
  /** Number or name of the vendor. */
  vendor: string;
  /** Number or name of the model. */
  device: string;
  /** The family of models; often empty. */
  architecture: string;
  /** The graphics API, such as "Vulkan". */
  backend: string;
  /** Name of the driver; WebGPU does not report its version. */
  driver: string;
  /** Version of Deno, which determines that of wgpu, its WebGPU. */
  deno: string;
  /** The WebGPU that computes: "wgpu", Deno's own, or Dawn with its version. */
  webgpu: string;
  /** Whether it computes on the CPU. */
  software: boolean;
  /** Range of subgroup sizes; null if the driver does not report it. */
  subgroups: { min: number; max: number } | null;
  /** Whether kernels can have float16, which `--precision mixed` needs. */
  halfPrecision: boolean;
  /** Its matrix units; null where there are none, or WebGPU does not know them. */
  matrixUnits: MatrixUnits | null;
  /** Features that the adapter lists, and those granted to this program; Deno grants more than it lists. */
  features: { listed: string[]; granted: string[] };
  /** The adapter's limits by WebGPU's names. */
  limits: Record<string, number>;
}

/** The facts of the adapter that `gpu` was opened on. */
export function adapterFacts(gpu: Gpu): AdapterFacts {
  const { adapter, device, name, backend, driver, software, halfPrecision, matrixUnits } = gpu;
  const { vendor, device: model, architecture, subgroupMinSize: min, subgroupMaxSize: max } = adapter.info;
  return {
    name,
    vendor,
    device: model,
    architecture,
    backend,
    driver,
    deno: Deno.version.deno,
    webgpu: implementation() === "deno" ? "wgpu" : implementationVersion(),
    software,
    subgroups: min && max ? { min, max } : null,
    halfPrecision,
    matrixUnits,
    features: { listed: [...adapter.features].sort(), granted: [...device.features].sort() },
    limits: limitsOf(adapter),
  };
}

/** Limits are getters of a prototype; here they are sorted by name. */
function limitsOf({ limits }: GPUAdapter): Record<string, number> {
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(limits)).sort();
  const entries = names.map((name) => [name, limits[name as keyof GPUSupportedLimits]] as const);
  return Object.fromEntries(entries.filter(([, value]) => typeof value === "number"));
}

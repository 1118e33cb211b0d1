/**
 * One WebGPU device and what is known of it. Every error that WebGPU reports outside of a promise is thrown by
 * {@linkcode Gpu.check}: without a handler, Deno drops such errors and turns later submissions into no-ops.
 *
 * @module
 */
import { MachineError, messageOf } from "../base/errors.ts";
import { chooseAdapter } from "./adapter.ts";
import { type Files, locateError } from "./compile_errors.ts";
import { isSoftware } from "./driver.ts";
import { MATRIX_PRELUDE, matrixFeatures, type MatrixUnits, matrixUnitsOf } from "./matrix_units.ts";
import { implementation, implementationNote, implementationVersion } from "./webgpu.ts";

/** The limits of the adapter that the project depends on. Sizes are in bytes. */
export interface Limits {
  maxBinding: number;
  maxBuffer: number;
  maxGrid: number;
  /** Texels of a texture's side. */
  maxTexture: number;
}

/** A device, its queue, and the pipelines compiled for it. Close it when done. */
export interface Gpu {
  readonly device: GPUDevice;
  /** The adapter that the device was opened on. */
  readonly adapter: GPUAdapter;
  /** Human-readable name of the adapter. */
  readonly name: string;
  /** The API of its driver, such as "Vulkan". */
  readonly backend: string;
  /** The name of its driver. */
  readonly driver: string;
  /** Name, backend, driver, and WebGPU unless it is Deno's, for a line of a log. */
  readonly description: string;
  /** Distinguishes this adapter and its driver from others, as far as WebGPU does; includes the version of WebGPU. */
  readonly identity: string;
  readonly limits: Limits;
  /** The one subgroup size of this adapter, or 0 where subgroups are missing or vary in size. */
  readonly subgroupSize: number;
  /** Its matrix units; null where there are none, or WebGPU does not know them. */
  readonly matrixUnits: MatrixUnits | null;
  /** Whether the adapter computes on the CPU. */
  readonly software: boolean;
  /** The first text of every kernel on this device: the directives that its compiler requires. */
  readonly prelude: string;
  /** Whether the driver has timestamps. */
  readonly timestamps: boolean;
  /** Whether kernels may have float16: the feature shader-f16. */
  readonly halfPrecision: boolean;
  /** Compiled pipelines by kernel and constants, filled by `pipelineOf`. */
  readonly pipelines: Map<string, GPUComputePipeline>;
  /** The files of every kernel that was compiled, by name, filled by `moduleOf`: errors are about them. */
  readonly modules: Map<string, Files>;
  /** Throws the first error that the device reported, if any. */
  check(): void;
  /** Makes `error` the one that {@linkcode Gpu.check} throws, unless there is one already. */
  fail(error: Error): void;
  [Symbol.dispose](): void;
}

/** Limits that every WebGPU adapter has: for planning without an adapter. */
export const DEFAULT_LIMITS: Limits = {
  maxBinding: 2 ** 27,
  maxBuffer: 2 ** 28,
  maxGrid: 65535,
  maxTexture: 8192,
};

function limitsOf(limits: GPUSupportedLimits): Limits {
  return {
    maxBinding: limits.maxStorageBufferBindingSize,
    maxBuffer: limits.maxBufferSize,
    maxGrid: limits.maxComputeWorkgroupsPerDimension,
    maxTexture: limits.maxTextureDimension2D,
  };
}

/** Opens the machine's fastest adapter, with subgroups where the driver has them. */
export async function openGpu(): Promise<Gpu> {
  const { adapter, backend, driver } = await chooseAdapter();
  const features: GPUFeatureName[] = (["timestamp-query", "shader-f16"] as const)
    .filter((name) => adapter.features.has(name));
  const forMatrices = matrixFeatures(adapter);
  features.push(...forMatrices);
  // Deno does not list "subgroups" among the features, but grants it where the driver has it.
  const subgroups = await requestDevice(adapter, [...features, "subgroups" as GPUFeatureName]).catch(() =>
    null
  );
  const device = subgroups ?? await requestDevice(adapter, features);
  const prelude = forMatrices.length > 0 ? MATRIX_PRELUDE : subgroups ? await preludeOf(device) : "";
  const { subgroupMinSize, subgroupMaxSize } = adapter.info;

  const modules = new Map<string, Files>();
  const errors = errorsOf(device, modules);
  const name = adapter.info.description || adapter.info.device || adapter.info.vendor || "unnamed adapter";
  return {
    device,
    adapter,
    name,
    backend,
    driver,
    description: `${name} (${backend}, ${driver}${implementationNote()})`,
    identity: [
      backend,
      adapter.info.vendor,
      adapter.info.architecture,
      adapter.info.device,
      adapter.info.description,
      implementationVersion(),
    ].join(" "),
    limits: limitsOf(device.limits),
    subgroupSize: subgroups && subgroupMinSize === subgroupMaxSize ? subgroupMinSize ?? 0 : 0,
    matrixUnits: forMatrices.length > 0 ? matrixUnitsOf(adapter) : null,
    software: isSoftware(adapter.info),
    prelude,
    timestamps: device.features.has("timestamp-query"),
    halfPrecision: device.features.has("shader-f16"),
    pipelines: new Map(),
    modules,
    check: errors.check,
    fail: errors.fail,
    [Symbol.dispose]() {
      errors.close();
      device.destroy();
    },
  };
}

/** Collects what the device reports: {@linkcode Gpu.check} throws the first error, until the device is closed. */
function errorsOf(
  device: GPUDevice,
  modules: ReadonlyMap<string, Files>,
): Pick<Gpu, "check" | "fail"> & { close(): void } {
  const on = implementation() === "dawn" ? " (Dawn)" : "";
  let failure: Error | undefined;
  let closed = false;
  const fail = (error: Error) => {
    if (!closed) failure ??= error;
  };
  device.addEventListener("uncapturederror", (event) => {
    event.preventDefault();
    const { message } = (event as GPUUncapturedErrorEvent).error;
    fail(new MachineError(`The GPU refused a command${on}: ${locateError(message, modules)}`));
  });
  device.lost.then((info) => {
    // A device that was closed is not lost; as the process ends, Dawn may have freed its message.
    if (!closed) {
      fail(new MachineError(`The GPU was lost (${info.reason})${on}: ${info.message}`, { problem: "lost" }));
    }
  });
  return {
    check() {
      if (failure) throw failure;
    },
    fail,
    close() {
      closed = true;
    },
  };
}

async function requestDevice(adapter: GPUAdapter, requiredFeatures: GPUFeatureName[]): Promise<GPUDevice> {
  const {
    maxStorageBufferBindingSize,
    maxBufferSize,
    maxComputeWorkgroupsPerDimension,
    maxTextureDimension2D,
    maxComputeWorkgroupStorageSize,
  } = adapter.limits;
  try {
    return await adapter.requestDevice({
      requiredFeatures,
      requiredLimits: {
        maxStorageBufferBindingSize,
        maxBufferSize,
        maxComputeWorkgroupsPerDimension,
        maxTextureDimension2D,
        maxComputeWorkgroupStorageSize,
      },
    });
  } catch (error) {
    throw new MachineError(`Cannot open the GPU "${adapter.info.description}": ${messageOf(error)}`);
  }
}

/** The directive that WGSL requires of a kernel with subgroups. On the first line, so that line numbers stay right. */
const SUBGROUPS = "enable subgroups; ";

/** {@linkcode Gpu.prelude} of a device with subgroups: Chrome's compiler requires the directive, Deno's rejects it. */
async function preludeOf(device: GPUDevice): Promise<string> {
  device.pushErrorScope("validation");
  device.createShaderModule({ label: "probe of the directive for subgroups", code: SUBGROUPS });
  return await device.popErrorScope() ? "" : SUBGROUPS;
}

/**
 * One WebGPU device and what is known of it. Every error that WebGPU reports outside of a promise ends up in
 * {@linkcode Gpu.check}: without a handler, Deno drops such errors and turns later submissions into no-ops.
 *
 * @module
 */
import { MachineError, messageOf } from "../base/errors.ts";
import { chooseAdapter } from "./adapter.ts";
import { type Files, locateError } from "./compile_errors.ts";
import { isSoftware } from "./driver.ts";

/** The part of the adapter's limits that the project depends on. Sizes are in bytes. */
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
  /** What the device was opened on, for what it tells of itself. */
  readonly adapter: GPUAdapter;
  /** Human-readable name of the adapter. */
  readonly name: string;
  /** The interface that its driver is reached by, such as "Vulkan". */
  readonly backend: string;
  /** The name of its driver. */
  readonly driver: string;
  /** Name, backend and driver, for a line of a log. */
  readonly description: string;
  /** What tells this adapter and its driver from others, as far as WebGPU does; Deno's version stands for its own part. */
  readonly identity: string;
  readonly limits: Limits;
  /** The one subgroup size of this adapter, or 0 where subgroups are missing or vary in size. */
  readonly subgroupSize: number;
  /** Whether the adapter computes on the CPU. */
  readonly software: boolean;
  /** What the text of every kernel begins with on this device: the extensions that its compiler wants to be named. */
  readonly prelude: string;
  /** Whether the driver can tell when a pass began and ended. */
  readonly timestamps: boolean;
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

/** Limits of any adapter that WebGPU admits: for planning where no adapter is asked. */
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
  const timestamps = adapter.features.has("timestamp-query");
  const features: GPUFeatureName[] = timestamps ? ["timestamp-query"] : [];
  // Deno does not list "subgroups" among the features, but grants it where the driver has it.
  const subgroups = await requestDevice(adapter, [...features, "subgroups" as GPUFeatureName]).catch(() =>
    null
  );
  const device = subgroups ?? await requestDevice(adapter, features);
  const prelude = subgroups ? await preludeOf(device) : "";
  const { subgroupMinSize, subgroupMaxSize } = adapter.info;

  let failure: Error | undefined;
  let closed = false;
  const modules = new Map<string, Files>();
  const fail = (error: Error) => {
    if (!closed) failure ??= error;
  };
  device.addEventListener("uncapturederror", (event) => {
    event.preventDefault();
    const { message } = (event as GPUUncapturedErrorEvent).error;
    fail(new MachineError(`The GPU refused a command: ${locateError(message, modules)}`));
  });
  device.lost.then((info) => {
    // A device that was closed is no loss; as the process ends, Dawn may have freed what it would tell.
    if (closed) return;
    const { reason, message } = info;
    fail(
      new MachineError(
        `The GPU was lost (${reason}): ${message}. What was saved before is intact; use --resume.`,
      ),
    );
  });
  const name = adapter.info.description || adapter.info.device || adapter.info.vendor || "unnamed adapter";
  return {
    device,
    adapter,
    name,
    backend,
    driver,
    description: `${name} (${backend}, ${driver})`,
    identity: [
      backend,
      adapter.info.vendor,
      adapter.info.architecture,
      adapter.info.device,
      adapter.info.description,
      Deno.version.deno,
    ].join(" "),
    limits: limitsOf(device.limits),
    subgroupSize: subgroups && subgroupMinSize === subgroupMaxSize ? subgroupMinSize ?? 0 : 0,
    software: isSoftware(adapter.info),
    prelude,
    timestamps,
    pipelines: new Map(),
    modules,
    check() {
      if (failure) throw failure;
    },
    fail,
    [Symbol.dispose]() {
      closed = true;
      device.destroy();
    },
  };
}

async function requestDevice(adapter: GPUAdapter, requiredFeatures: GPUFeatureName[]): Promise<GPUDevice> {
  const {
    maxStorageBufferBindingSize,
    maxBufferSize,
    maxComputeWorkgroupsPerDimension,
    maxTextureDimension2D,
  } = adapter.limits;
  try {
    return await adapter.requestDevice({
      requiredFeatures,
      requiredLimits: {
        maxStorageBufferBindingSize,
        maxBufferSize,
        maxComputeWorkgroupsPerDimension,
        maxTextureDimension2D,
      },
    });
  } catch (error) {
    throw new MachineError(`Cannot open the GPU "${adapter.info.description}": ${messageOf(error)}`);
  }
}

/** The directive that WGSL demands of a kernel with subgroups. No line of its own, so that errors name the right ones. */
const SUBGROUPS = "enable subgroups; ";

/** {@linkcode Gpu.prelude} of a device with subgroups: Chrome's compiler demands the directive, Deno's refuses it. */
async function preludeOf(device: GPUDevice): Promise<string> {
  device.pushErrorScope("validation");
  device.createShaderModule({ label: "probe of the directive for subgroups", code: SUBGROUPS });
  return await device.popErrorScope() ? "" : SUBGROUPS;
}

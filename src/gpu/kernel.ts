/**
 * A kernel's contract: its WGSL files, what they bind, in which order and with which access, its `Params`, and the pipeline
 * compiled from it.
 *
 * @module
 */
import { type Files, joinedFiles } from "./compile_errors.ts";
import type { Gpu } from "./device.ts";

/**
 * How a kernel uses a binding. `uniform` is for the step's scalars. `texture` reads a copy of the tensor as a texture of
 * four floats a texel, see `Memory.texture`: on Mesa's software adapter such a load costs a twelfth of one from a storage
 * buffer. The copy may be of the tensor's whole store if the kernel has a parameter `xAt`: the texel at which the tensor `x`
 * begins.
 */
export type Access = "read" | "read_write" | "uniform" | "texture";

/**
 * WGSL with its interface. The bindings of `@group(0)` are the entries of `bindings` in order, then a uniform `Params` struct
 * with the scalars of `params` in order.
 */
export interface Kernel {
  /** Unique: pipelines are known by it. */
  readonly name: string;
  /** The parts that it shares with others, then its own file, whose entry point is `main`; joined in this order. */
  readonly files: Files;
  readonly bindings: Readonly<Record<string, Access>>;
  readonly params: Readonly<Record<string, "u32" | "f32">>;
  /**
   * True of a kernel that costs little more than to read and write its tensors, and computes all that it binds for writing
   * from what it binds for reading: the plan may run it again instead of keeping the result.
   */
  readonly repeatable?: boolean;
}

/** Values of a kernel's `override` constants. */
export type Constants = Readonly<Record<string, number>>;

const BUFFER_TYPE = { read: "read-only-storage", read_write: "storage", uniform: "uniform" } as const;

/** The pipeline of `kernel` with `constants` on `gpu`, compiled on first use. */
export function pipelineOf(
  gpu: Gpu,
  { kernel, constants }: { kernel: Kernel; constants: Constants },
): GPUComputePipeline {
  const key = keyOf({ kernel, constants });
  let pipeline = gpu.pipelines.get(key);
  if (pipeline) return pipeline;
  const { device } = gpu;
  const accesses: Access[] = [...Object.values(kernel.bindings), "uniform"];
  // "auto" layouts drop bindings that a kernel does not use.
  const layout = device.createBindGroupLayout({
    entries: accesses.map((access, binding) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      ...(access === "texture"
        ? { texture: { sampleType: "unfilterable-float" } }
        : { buffer: { type: BUFFER_TYPE[access] } }),
    })),
  });
  pipeline = device.createComputePipeline({
    label: kernel.name,
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: {
      module: moduleOf(gpu, kernel),
      entryPoint: "main",
      constants,
    },
  });
  gpu.pipelines.set(key, pipeline);
  return pipeline;
}

/** Removes a pipeline that the driver rejected, so that the next request reports why. */
export function forgetPipeline(gpu: Gpu, of: { kernel: Kernel; constants: Constants }): void {
  gpu.pipelines.delete(keyOf(of));
}

function keyOf({ kernel, constants }: { kernel: Kernel; constants: Constants }): string {
  return `${kernel.name} ${JSON.stringify(constants)}`;
}

/** The WGSL of a kernel: its files, joined. */
export function codeOf({ files }: Pick<Kernel, "files">): string {
  return joinedFiles(files);
}

/** `kernel`, compiled by `gpu`. */
export function moduleOf({ device, prelude, modules }: Gpu, kernel: Kernel): GPUShaderModule {
  modules.set(kernel.name, kernel.files);
  return device.createShaderModule({ label: kernel.name, code: prelude + codeOf(kernel) });
}

/** The bytes of a kernel's `Params` struct, padded to 16. */
export function packParams(
  kernel: Kernel,
  values: Readonly<Record<string, number>>,
): Uint8Array<ArrayBuffer> {
  const fields = Object.entries(kernel.params);
  const bytes = new Uint8Array(Math.max(16, Math.ceil(fields.length / 4) * 16));
  const view = new DataView(bytes.buffer);
  fields.forEach(([name, type], i) => {
    const value = values[name];
    if (value === undefined) {
      throw new TypeError(`Cannot run "${kernel.name}": its parameter ${name} is missing`);
    }
    if (type === "f32") view.setFloat32(4 * i, value, true);
    else if (Number.isInteger(value) && value >= 0 && value < 2 ** 32) view.setUint32(4 * i, value, true);
    else {throw new RangeError(
        `Cannot run "${kernel.name}": ${name} must be a 32-bit index, but it is ${value}`,
      );}
  });
  return bytes;
}

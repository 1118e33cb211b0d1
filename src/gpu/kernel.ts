/**
 * A kernel's contract: its WGSL files, what they bind, in which order and with which access, its `Params`, and the pipeline
 * compiled from it.
 *
 * @module
 */
import { type Files, joinedFiles } from "./compile_errors.ts";
import type { Gpu } from "./device.ts";
import { wgsl } from "./wgsl_parts.ts";

/** The type of a tensor's elements in memory. Kernels compute in float32 whatever it is. */
export type ElementType = "f32" | "f16";

/** Bytes of an element. */
export const ELEMENT_BYTES = { f32: 4, f16: 2 } as const;

/** The WGSL aliases of four elements: `Stored` of what a kernel reads, or changes in place; `Result` of what it writes. */
export type Alias = "Stored" | "Result";

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
   * The bindings whose elements may be float16, by the alias that the WGSL has for four of them; all bindings of an alias have
   * one type. All others are float32, or no floats at all.
   */
  readonly aliases?: Readonly<Partial<Record<Alias, readonly string[]>>>;
  /**
   * True of a kernel that costs little more than to read and write its tensors, and computes all that it binds for writing
   * from what it binds for reading: the plan may run it again instead of keeping the result.
   */
  readonly repeatable?: boolean;
  /** Whether its WGSL has float16; set by {@linkcode typedKernel}. */
  readonly halves?: boolean;
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

/** The parts that define the aliases. */
const ALIAS_PARTS = {
  Stored: { f32: wgsl.storedF32, f16: wgsl.storedF16 },
  Result: { f32: wgsl.resultF32, f16: wgsl.resultF16 },
} as const;

const typedKernels = new WeakMap<Kernel, Map<string, Kernel>>();

/**
 * `kernel` for elements of these types: with the parts that define its aliases, under a name of its own unless all are
 * float32.
 *
 * @param types The type of the elements of each binding.
 * @throws {TypeError} if a binding cannot have its type.
 */
export function typedKernel(kernel: Kernel, types: Readonly<Record<string, ElementType>>): Kernel {
  const { name, files, aliases = {} } = kernel;
  const chosen = (Object.entries(aliases) as [Alias, readonly string[]][]).map(([alias, bindings]) => {
    const [type, ...others] = new Set(bindings.map((binding) => types[binding]));
    if (others.length > 0) {
      throw new TypeError(`Cannot run "${name}": ${bindings.join(" and ")} have elements of different types`);
    }
    return { alias, type, bindings };
  });
  const free = chosen.flatMap(({ bindings }) => bindings);
  // Of a texture's texels, the GPU makes float32.
  const fixed = Object.entries(kernel.bindings).find(([key, access]) =>
    types[key] === "f16" && access !== "texture" && !free.includes(key)
  )?.[0];
  if (fixed) throw new TypeError(`Cannot run "${name}": ${fixed} must be float32`);

  const halves = chosen.filter(({ type }) => type === "f16").map(({ alias }) => alias);
  const key = halves.join(" "), known = typedKernels.get(kernel) ?? new Map<string, Kernel>();
  typedKernels.set(kernel, known);
  let typed = known.get(key);
  if (!typed) {
    const parts = chosen.map(({ alias, type }) => ALIAS_PARTS[alias][type]);
    const some = halves.length < chosen.length ? halves : [];
    const suffix = halves.length > 0 ? ["f16", ...some] : [];
    typed = {
      ...kernel,
      name: [name, ...suffix].join("_").toLowerCase(),
      files: Object.assign({}, ...parts, files),
      halves: halves.length > 0,
    };
    known.set(key, typed);
  }
  return typed;
}

/** The WGSL of a kernel: its files, joined. */
export function codeOf({ files }: Pick<Kernel, "files">): string {
  return joinedFiles(files);
}

/** The directive that WGSL requires of a kernel with float16. On the first line, so that line numbers stay right. */
const HALVES = "enable f16; ";

/** `kernel`, compiled by `gpu`. */
export function moduleOf({ device, prelude, modules }: Gpu, kernel: Kernel): GPUShaderModule {
  modules.set(kernel.name, kernel.files);
  const directives = prelude + (kernel.halves ? HALVES : "");
  return device.createShaderModule({ label: kernel.name, code: directives + codeOf(kernel) });
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

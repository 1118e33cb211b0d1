/**
 * A planned trace, ready to be replayed: bind groups and pipelines are created once, then each step is one submission: a
 * single compute pass, unless stores are copied to textures in between.
 *
 * @module
 */
import { MachineError } from "../base/errors.ts";
import type { Gpu } from "../gpu/device.ts";
import { packParams, pipelineOf } from "../gpu/kernel.ts";
import { ALIGNMENT, type Memory, roundUp, texelBytes } from "../gpu/memory.ts";
import { MAX_TIMESTAMPS, Timestamps } from "../gpu/timestamps.ts";
import { obstacleTo, type Plan, planMemory } from "./plan.ts";
import type { Dispatch } from "./dispatch_list.ts";
import { bytesOf, regionOf, type Tensor } from "./tensor.ts";
import type { PlannedDispatch, TextureCopy } from "./texture_copies.ts";

/** A kernel launch, or a copy to a texture. */
type Command = Launch | TextureCopy;
type Launch = { pipeline: GPUComputePipeline; group: GPUBindGroup; dispatch: Dispatch };

/** The duration of one command of a program. */
export interface Timing {
  /** The kernel's name. */
  name: string;
  seconds: number;
  /** Floating-point operations of its equation. */
  flops: number;
  /** Fewest bytes read and written: usually each of its tensors once. */
  bytes: number;
}

/** Dispatches with their buffers. Disposing of it frees what the plan allocated, not the given stores. */
export class Program {
  readonly plan: Plan;
  readonly #gpu: Gpu;
  readonly #memory: Memory;
  readonly #params: GPUBuffer;
  readonly #commands: Command[] = [];
  /** The first command of each dispatch, and the number of commands. */
  readonly #begins: number[] = [];

  /**
   * Allocates what the trace needs and compiles its kernels.
   *
   * @param options `keep`: tensors that can be read after a run. `budget`: see {@linkcode planMemory}.
   * @throws {MachineError} if the plan exceeds the GPU's limits, before anything is allocated.
   */
  constructor(
    memory: Memory,
    { dispatches: traced, keep, budget }: {
      dispatches: readonly Dispatch[];
      keep?: readonly Tensor[];
      budget?: number;
    },
  ) {
    const { gpu } = memory;
    this.#gpu = gpu;
    this.#memory = memory;
    this.plan = planMemory(traced, keep, { budget, maxTexture: gpu.limits.maxTexture });
    const obstacle = obstacleTo(this.plan, gpu.limits);
    if (obstacle) {
      throw new MachineError(`Cannot run on this GPU: ${obstacle}.`, { problem: "batch" });
    }

    const { dispatches } = this.plan;
    const { packed, stride, sizes } = packedParams(dispatches);
    this.#params = gpu.device.createBuffer({
      label: "params",
      size: packed.length,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    gpu.device.queue.writeBuffer(this.#params, 0, packed);
    dispatches.forEach((planned, i) => {
      const params = { buffer: this.#params, offset: i * stride, size: sizes[i] };
      this.#begins.push(this.#commands.length);
      this.#commands.push(...planned.copies, launchOf(memory, planned, params));
    });
    this.#begins.push(this.#commands.length);
  }

  /**
   * Submits all dispatches, or those from `begin` to before `end`, once or `times` times in one submission. Does not wait
   * for the GPU.
   */
  run(
    { begin = 0, end = this.#begins.length - 1, times = 1 }: {
      begin?: number;
      end?: number;
      times?: number;
    } = {},
  ): void {
    const { device } = this.#gpu;
    const encoder = device.createCommandEncoder();
    this.#encode(encoder, { commands: this.#commands.slice(this.#begins[begin], this.#begins[end]), times });
    device.queue.submit([encoder.finish()]);
  }

  /** Encodes as few passes as copies to textures allow; `timestampWrites` is for programs without copies: a single pass. */
  #encode(
    encoder: GPUCommandEncoder,
    { commands, times, timestampWrites }: {
      commands: readonly Command[];
      times: number;
      timestampWrites?: GPUComputePassTimestampWrites;
    },
  ): void {
    let pass: GPUComputePassEncoder | undefined;
    let current: GPUComputePipeline | undefined;
    for (let i = 0; i < times; i++) {
      for (const command of commands) {
        if ("to" in command) {
          pass?.end();
          pass = current = undefined;
          this.#memory.copyToTexture(encoder, command);
          continue;
        }
        const { pipeline, group, dispatch } = command;
        pass ??= encoder.beginComputePass({ timestampWrites });
        if (pipeline !== current) pass.setPipeline(current = pipeline);
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(...dispatch.grid);
      }
    }
    pass?.end();
  }

  /**
   * Submits all dispatches `times` times in one submission and resolves to their duration in ticks of the GPU's clock.
   *
   * @throws {MachineError} if the adapter has no timestamps.
   */
  async ticks(times: number): Promise<number> {
    const { device } = this.#gpu;
    using stamps = new Timestamps(this.#gpu, 2);
    const encoder = device.createCommandEncoder(), commands = this.#commands;
    if (commands.some((command) => "to" in command)) {
      encoder.beginComputePass({ timestampWrites: stamps.writes({ begin: 0 }) }).end();
      this.#encode(encoder, { commands, times });
      encoder.beginComputePass({ timestampWrites: stamps.writes({ end: 1 }) }).end();
    } else {
      this.#encode(encoder, { commands, times, timestampWrites: stamps.writes({ begin: 0, end: 1 }) });
    }
    stamps.resolve(encoder);
    device.queue.submit([encoder.finish()]);
    const [begin, end] = await stamps.read();
    return Number(end - begin);
  }

  /**
   * Submits the dispatches before `end`, by default all, each in a pass of its own, and resolves to their durations by the
   * GPU's clock.
   *
   * @throws {MachineError} if the adapter has no timestamps.
   */
  async timings({ end = this.#begins.length - 1 }: { end?: number } = {}): Promise<Timing[]> {
    const results: Timing[] = [], all = this.#commands.slice(0, this.#begins[end]);
    for (let first = 0; first < all.length; first += MAX_TIMESTAMPS / 2) {
      const commands = all.slice(first, first + MAX_TIMESTAMPS / 2);
      using stamps = new Timestamps(this.#gpu, 2 * commands.length);
      const encoder = this.#gpu.device.createCommandEncoder();
      const stamp = (index: { begin?: number; end?: number }) =>
        encoder.beginComputePass({ timestampWrites: stamps.writes(index) });
      commands.forEach((command, i) => {
        if ("to" in command) {
          stamp({ begin: 2 * i }).end();
          this.#memory.copyToTexture(encoder, command);
          stamp({ end: 2 * i + 1 }).end();
          return;
        }
        const pass = stamp({ begin: 2 * i, end: 2 * i + 1 });
        pass.setPipeline(command.pipeline);
        pass.setBindGroup(0, command.group);
        pass.dispatchWorkgroups(...command.dispatch.grid);
        pass.end();
      });
      stamps.resolve(encoder);
      this.#gpu.device.queue.submit([encoder.finish()]);
      const ticks = await stamps.read();
      commands.forEach((command, i) =>
        results.push({ ...workOf(command), seconds: Number(ticks[2 * i + 1] - ticks[2 * i]) / 1e9 })
      );
    }
    return results;
  }

  [Symbol.dispose](): void {
    this.#params.destroy();
    this.#memory.free([
      ...this.plan.stores.filter((store) => store.category === "activations"),
      ...this.plan.textures,
    ]);
  }
}

/** All Params structs, one every `stride` bytes, an offset that any adapter accepts; and the size of each. */
function packedParams(
  dispatches: readonly PlannedDispatch[],
): { packed: Uint8Array<ArrayBuffer>; stride: number; sizes: number[] } {
  const counts = dispatches.map(({ dispatch: { kernel } }) => Object.keys(kernel.params).length);
  const stride = roundUp(Math.max(...counts) * 4, ALIGNMENT);
  const packed = new Uint8Array(stride * dispatches.length);
  const sizes = dispatches.map((planned, i) => {
    const { kernel, params } = planned.dispatch;
    const bytes = packParams(kernel, { ...params, ...texelsBefore(planned) });
    packed.set(bytes, i * stride);
    return bytes.length;
  });
  return { packed, stride, sizes };
}

/** Pipeline and bind group of a dispatch. */
function launchOf(
  memory: Memory,
  { dispatch, textures }: PlannedDispatch,
  params: GPUBufferBinding,
): Launch {
  const { kernel, constants, tensors } = dispatch;
  const resources = tensors.map((tensor, j): GPUBindingResource => {
    const copy = textures.get(j);
    if (copy) return memory.texture(copy.to).createView();
    const { store, offset, bytes } = regionOf(tensor);
    return { buffer: memory.buffer(store), offset, size: roundUp(bytes, 16) };
  });
  const pipeline = pipelineOf(memory.gpu, { kernel, constants });
  const group = memory.gpu.device.createBindGroup({
    label: kernel.name,
    layout: pipeline.getBindGroupLayout(0),
    entries: [...resources, params].map((resource, binding) => ({ binding, resource })),
  });
  return { pipeline, group, dispatch };
}

/** The parameters `xAt` of a kernel: the texel at which the tensor `x` begins in its texture. */
function texelsBefore({ dispatch: { kernel, tensors }, textures }: PlannedDispatch): Record<string, number> {
  const names = Object.keys(kernel.bindings);
  return Object.fromEntries(
    [...textures].map(([j, { from, to }]) => [
      `${names[j]}At`,
      (regionOf(tensors[j]).offset - from.offset) / texelBytes(to),
    ]),
  );
}

function workOf(command: Command): Omit<Timing, "seconds"> {
  if ("to" in command) return { name: "copy to texture", flops: 0, bytes: 2 * command.from.bytes };
  const { kernel, tensors, flops } = command.dispatch;
  const bytes = command.dispatch.bytes ??
    [...new Set(tensors)].reduce((sum, tensor) => sum + bytesOf(tensor), 0);
  return { name: kernel.name, flops, bytes };
}

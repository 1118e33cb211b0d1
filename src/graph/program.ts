/**
 * A planned trace, ready to be replayed: bind groups and pipelines made once, then one submission for each
 * step: a single compute pass, unless stores are copied to textures in between.
 *
 * @module
 */
import { MachineError } from "../base/errors.ts";
import type { Gpu } from "../gpu/device.ts";
import { packParams, pipelineOf } from "../gpu/kernel.ts";
import { ALIGNMENT, type Memory, roundUp } from "../gpu/memory.ts";
import { MAX_TIMESTAMPS, Timestamps } from "../gpu/timestamps.ts";
import { obstacleTo, type Plan, planMemory } from "./plan.ts";
import type { Dispatch } from "./dispatch_list.ts";
import { regionOf, sizeOf, type Tensor } from "./tensor.ts";
import type { PlannedDispatch, TextureCopy } from "./texture_copies.ts";

/** A kernel launch, or a copy to a texture. */
type Command = Launched | TextureCopy;
type Launched = { pipeline: GPUComputePipeline; group: GPUBindGroup; dispatch: Dispatch };

/** What one command of a program took. */
export interface Timing {
  /** The kernel's name. */
  name: string;
  seconds: number;
  /** Floating-point operations of its equation. */
  flops: number;
  /** What it must read and write at the least: each of its tensors once. */
  bytes: number;
}

/** Dispatches with their buffers. Disposing of it frees the slots, not the stores it was given. */
export class Program {
  readonly plan: Plan;
  readonly #gpu: Gpu;
  readonly #memory: Memory;
  readonly #params: GPUBuffer;
  readonly #commands: Command[] = [];
  /** Which command is the first of each dispatch, and how many there are. */
  readonly #begins: number[] = [];

  /**
   * Allocates what the trace needs and compiles its kernels.
   *
   * @param options `keep`: tensors that can be read after a run. `budget`: see {@linkcode planMemory}.
   * @throws {MachineError} if the GPU's limits are too low, before anything is allocated.
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
    this.plan = planMemory(traced, keep, { budget });
    const obstacle = obstacleTo(this.plan, gpu.limits);
    if (obstacle) {
      throw new MachineError(
        `Cannot run on this GPU as ${obstacle}: lower --batch, --size, --hidden or --projection`,
      );
    }

    // All Params structs lie in one uniform buffer, each at an offset that any adapter accepts.
    const { dispatches } = this.plan;
    const stride = roundUp(
      Math.max(...dispatches.map(({ dispatch: { kernel } }) => Object.keys(kernel.params).length)) * 4,
      ALIGNMENT,
    );
    const packed = new Uint8Array(stride * dispatches.length);
    const sizes = dispatches.map((planned, i) => {
      const { kernel, params } = planned.dispatch;
      const bytes = packParams(kernel, { ...params, ...texelsBefore(planned) });
      packed.set(bytes, i * stride);
      return bytes.length;
    });
    this.#params = gpu.device.createBuffer({
      label: "params",
      size: packed.length,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    gpu.device.queue.writeBuffer(this.#params, 0, packed);

    dispatches.forEach(({ dispatch, copies, textures }, i) => {
      const { kernel, constants, tensors } = dispatch;
      const resources = tensors.map((tensor, j): GPUBindingResource => {
        const copy = textures.get(j);
        if (copy) return memory.texture(copy.to).createView();
        const { store, offset, bytes } = regionOf(tensor);
        return { buffer: memory.buffer(store), offset, size: roundUp(bytes, 16) };
      });
      const pipeline = pipelineOf(gpu, { kernel, constants });
      const group = gpu.device.createBindGroup({
        label: kernel.name,
        layout: pipeline.getBindGroupLayout(0),
        entries: [...resources, { buffer: this.#params, offset: i * stride, size: sizes[i] }]
          .map((resource, binding) => ({ binding, resource })),
      });
      this.#begins.push(this.#commands.length);
      this.#commands.push(...copies, { pipeline, group, dispatch });
    });
    this.#begins.push(this.#commands.length);
  }

  /**
   * Submits all dispatches, or those from number `begin` to before `end`, once or `times` times over in one submission.
   * Does not wait for the GPU.
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

  /** As few passes as copies to textures allow; `timestampWrites` is for programs without any, which are one pass. */
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
   * Submits all dispatches `times` times over in one submission and resolves to what all of it took, in ticks of the
   * GPU's clock.
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
   * Submits the dispatches before number `end` once, all if it is not given, each in a pass of its own, and resolves to what
   * each of them took by the GPU's clock.
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

/**
 * The parameters that tell a kernel where in a texture its tensor begins: `x` comes `xAt` texels of 16 bytes behind the
 * beginning.
 */
function texelsBefore({ dispatch: { kernel, tensors }, textures }: PlannedDispatch): Record<string, number> {
  const names = Object.keys(kernel.bindings);
  return Object.fromEntries(
    [...textures].map(([j, { from }]) => [`${names[j]}At`, (regionOf(tensors[j]).offset - from.offset) / 16]),
  );
}

function workOf(command: Command): Omit<Timing, "seconds"> {
  if ("to" in command) return { name: "copy to texture", flops: 0, bytes: 2 * command.from.bytes };
  const { kernel, tensors, flops } = command.dispatch;
  const bytes = command.dispatch.bytes ??
    [...new Set(tensors)].reduce((sum, { shape }) => sum + sizeOf(shape) * 4, 0);
  return { name: kernel.name, flops, bytes };
}

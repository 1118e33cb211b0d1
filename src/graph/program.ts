/**
 * A planned trace, ready to be replayed: bind groups and pipelines made once, then one submission for each
 * step: a single compute pass, unless stores are copied to textures in between.
 *
 * @module
 */
import { MachineError } from "../errors.ts";
import type { Gpu } from "../gpu/device.ts";
import { packParams, pipelineOf } from "../gpu/kernel.ts";
import { ALIGNMENT, type Memory, roundUp, type Store } from "../gpu/memory.ts";
import { type Plan, planMemory } from "./plan.ts";
import type { Dispatch } from "./tape.ts";
import { originOf, sizeOf, type Tensor } from "./tensor.ts";

/** A kernel launch, or the copy of a store to its texture. */
type Command = Launched | Copy;
type Launched = { pipeline: GPUComputePipeline; group: GPUBindGroup; dispatch: Dispatch };
type Copy = { store: Store; bytes: number };

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

  /** Allocates what the trace needs and compiles its kernels. */
  constructor(
    memory: Memory,
    { dispatches, keep }: { dispatches: readonly Dispatch[]; keep?: readonly Tensor[] },
  ) {
    const { gpu } = memory;
    this.#gpu = gpu;
    this.#memory = memory;
    this.plan = planMemory(dispatches, keep);
    const { largest } = this.plan;
    if (largest.bytes > gpu.limits.maxBinding) {
      throw new MachineError(
        `Cannot run on this GPU as ${largest.name} takes ${largest.bytes} bytes and a kernel sees at most ` +
          `${gpu.limits.maxBinding}: lower --batch or --size`,
      );
    }

    // All Params structs lie in one uniform buffer, each at an offset that any adapter accepts.
    const stride = roundUp(
      Math.max(...dispatches.map(({ kernel }) => Object.keys(kernel.params).length)) * 4,
      ALIGNMENT,
    );
    const packed = new Uint8Array(stride * dispatches.length);
    const sizes = dispatches.map(({ kernel, params }, i) => {
      const bytes = packParams(kernel, params);
      packed.set(bytes, i * stride);
      return bytes.length;
    });
    this.#params = gpu.device.createBuffer({
      label: "params",
      size: packed.length,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    gpu.device.queue.writeBuffer(this.#params, 0, packed);

    // Stores whose texture has their content. At the beginning none has: the host or the last run wrote to them.
    const copied = new Set<Store>();
    dispatches.forEach((dispatch, i) => {
      const { kernel, constants, tensors } = dispatch;
      const accesses = Object.values(kernel.bindings);
      const regions = tensors.map((tensor) => originOf(tensor).region!);
      const resources = regions.map(({ store, offset, bytes }, j): GPUBindingResource => {
        if (accesses[j] !== "texture") {
          return { buffer: memory.buffer(store), offset, size: roundUp(bytes, 16) };
        }
        if (!copied.has(store)) {
          // A slot holds one tensor at a time; of other stores, all of it is copied for the kernels to come.
          this.#commands.push({ store, bytes: store.category === "activations" ? bytes : store.bytes });
          copied.add(store);
        }
        return memory.texture(store).createView();
      });
      const pipeline = pipelineOf(gpu, { kernel, constants });
      const group = gpu.device.createBindGroup({
        label: kernel.name,
        layout: pipeline.getBindGroupLayout(0),
        entries: [...resources, { buffer: this.#params, offset: i * stride, size: sizes[i] }]
          .map((resource, binding) => ({ binding, resource })),
      });
      this.#commands.push({ pipeline, group, dispatch });
      regions.forEach(({ store }, j) => accesses[j] === "read_write" && copied.delete(store));
    });
  }

  /** Submits all dispatches once. Does not wait for the GPU. */
  run(): void {
    const { device } = this.#gpu;
    const encoder = device.createCommandEncoder();
    let pass: GPUComputePassEncoder | undefined;
    let current: GPUComputePipeline | undefined;
    for (const command of this.#commands) {
      if ("store" in command) {
        pass?.end();
        pass = current = undefined;
        this.#memory.copyToTexture(encoder, command);
        continue;
      }
      const { pipeline, group, dispatch } = command;
      pass ??= encoder.beginComputePass();
      if (pipeline !== current) pass.setPipeline(current = pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...dispatch.grid);
    }
    pass?.end();
    device.queue.submit([encoder.finish()]);
  }

  /**
   * Submits all dispatches once, each in a pass of its own, and resolves to what each of them took by the GPU's clock.
   *
   * @throws {MachineError} if the adapter has no timestamps.
   */
  async timings(): Promise<Timing[]> {
    const { device, timestamps } = this.#gpu;
    if (!timestamps) throw new MachineError("Cannot profile as this adapter tells no time (timestamp-query)");
    const results: Timing[] = [];
    for (let first = 0; first < this.#commands.length; first += MAX_QUERIES / 2) {
      const commands = this.#commands.slice(first, first + MAX_QUERIES / 2);
      const count = 2 * commands.length;
      const querySet = device.createQuerySet({ type: "timestamp", count });
      const store: Store = { name: "timestamps", category: "metrics", bytes: count * 8 };
      const resolved = device.createBuffer({
        size: store.bytes,
        usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
      });
      const encoder = device.createCommandEncoder();
      const stamp = (index: Partial<GPUComputePassTimestampWrites>) =>
        encoder.beginComputePass({ timestampWrites: { querySet, ...index } });
      commands.forEach((command, i) => {
        if ("store" in command) {
          stamp({ beginningOfPassWriteIndex: 2 * i }).end();
          this.#memory.copyToTexture(encoder, command);
          stamp({ endOfPassWriteIndex: 2 * i + 1 }).end();
          return;
        }
        const pass = stamp({ beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 });
        pass.setPipeline(command.pipeline);
        pass.setBindGroup(0, command.group);
        pass.dispatchWorkgroups(...command.dispatch.grid);
        pass.end();
      });
      encoder.resolveQuerySet(querySet, 0, count, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, this.#memory.buffer(store), 0, store.bytes);
      device.queue.submit([encoder.finish()]);
      const content = await this.#memory.read({ store, offset: 0, bytes: store.bytes });
      const ticks = new BigUint64Array(content.buffer);
      commands.forEach((command, i) =>
        results.push({ ...workOf(command), seconds: Number(ticks[2 * i + 1] - ticks[2 * i]) / 1e9 })
      );
      this.#memory.free([store]);
      resolved.destroy();
      querySet.destroy();
    }
    return results;
  }

  [Symbol.dispose](): void {
    this.#params.destroy();
    this.#memory.free(this.plan.stores.filter((store) => store.category === "activations"));
  }
}

/** Queries of a set at the most, as WebGPU has it. */
const MAX_QUERIES = 4096;

function workOf(command: Command): Omit<Timing, "seconds"> {
  if ("store" in command) return { name: "copy to texture", flops: 0, bytes: 2 * command.bytes };
  const { kernel, tensors, flops } = command.dispatch;
  const bytes = [...new Set(tensors)].reduce((sum, { shape }) => sum + sizeOf(shape) * 4, 0);
  return { name: kernel.name, flops, bytes };
}

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
import { originOf, type Tensor } from "./tensor.ts";

/** A kernel launch, or the copy of a store to its texture. */
type Command =
  | { pipeline: GPUComputePipeline; group: GPUBindGroup; grid: readonly [number, number, number] }
  | { store: Store; bytes: number };

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
    dispatches.forEach(({ kernel, constants, tensors, grid }, i) => {
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
      this.#commands.push({ pipeline, group, grid });
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
      const { pipeline, group, grid } = command;
      pass ??= encoder.beginComputePass();
      if (pipeline !== current) pass.setPipeline(current = pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...grid);
    }
    pass?.end();
    device.queue.submit([encoder.finish()]);
  }

  [Symbol.dispose](): void {
    this.#params.destroy();
    this.#memory.free(this.plan.stores.filter((store) => store.category === "activations"));
  }
}

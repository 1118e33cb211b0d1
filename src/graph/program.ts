/**
 * A planned trace, ready to be replayed: bind groups and pipelines made once, then one compute pass and one
 * submission for each step.
 *
 * @module
 */
import { MachineError } from "../errors.ts";
import type { Gpu } from "../gpu/device.ts";
import { packParams, pipelineOf } from "../gpu/kernel.ts";
import { ALIGNMENT, type Memory, roundUp } from "../gpu/memory.ts";
import { type Plan, planMemory } from "./plan.ts";
import type { Dispatch } from "./tape.ts";
import { originOf, type Tensor } from "./tensor.ts";

interface Command {
  pipeline: GPUComputePipeline;
  group: GPUBindGroup;
  grid: readonly [number, number, number];
}

/** Dispatches with their buffers. Disposing of it frees the slots, not the stores it was given. */
export class Program {
  readonly plan: Plan;
  readonly #gpu: Gpu;
  readonly #memory: Memory;
  readonly #params: GPUBuffer;
  readonly #commands: Command[];

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

    this.#commands = dispatches.map(({ kernel, constants, tensors, grid }, i) => {
      const pipeline = pipelineOf(gpu, { kernel, constants });
      const resources = [
        ...tensors.map((tensor) => originOf(tensor).region!).map((region) => ({
          buffer: memory.buffer(region.store),
          offset: region.offset,
          size: roundUp(region.bytes, 16),
        })),
        { buffer: this.#params, offset: i * stride, size: sizes[i] },
      ];
      const group = gpu.device.createBindGroup({
        label: kernel.name,
        layout: pipeline.getBindGroupLayout(0),
        entries: resources.map((resource, binding) => ({ binding, resource })),
      });
      return { pipeline, group, grid };
    });
  }

  /** Submits all dispatches once. Does not wait for the GPU. */
  run(): void {
    const { device } = this.#gpu;
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    let current: GPUComputePipeline | undefined;
    for (const { pipeline, group, grid } of this.#commands) {
      if (pipeline !== current) pass.setPipeline(current = pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...grid);
    }
    pass.end();
    device.queue.submit([encoder.finish()]);
  }

  [Symbol.dispose](): void {
    this.#params.destroy();
    this.#memory.free(this.plan.stores.filter((store) => store.category === "activations"));
  }
}

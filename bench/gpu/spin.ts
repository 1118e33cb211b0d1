/**
 * Work for a GPU that takes as long as one likes.
 *
 * @module
 */
import type { Gpu } from "../../src/gpu/device.ts";

/** A kernel that multiplies and adds to each number of a buffer, `rounds` times. */
export class Spin {
  readonly #gpu: Gpu;
  readonly #pipeline: GPUComputePipeline;

  constructor(gpu: Gpu, rounds: number) {
    this.#gpu = gpu;
    const code = `@group(0) @binding(0) var<storage, read_write> y: array<f32>;
      override ROUNDS: u32;
      @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
        var x = y[id.x];
        for (var i = 0u; i < ROUNDS; i++) { x = x * 1.0001 + 0.5; }
        y[id.x] = x;
      }`;
    const module = gpu.device.createShaderModule({ code });
    this.#pipeline = gpu.device.createComputePipeline({
      layout: "auto",
      compute: { module, entryPoint: "main", constants: { ROUNDS: rounds } },
    });
  }

  groupOf(buffer: GPUBuffer): GPUBindGroup {
    const layout = this.#pipeline.getBindGroupLayout(0);
    return this.#gpu.device.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer } }] });
  }

  /** Commands of one pass with a dispatch for each of `groups`. */
  encode(groups: readonly GPUBindGroup[], grid: number): GPUCommandBuffer {
    const encoder = this.#gpu.device.createCommandEncoder(), pass = encoder.beginComputePass();
    pass.setPipeline(this.#pipeline);
    for (const group of groups) {
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(grid);
    }
    pass.end();
    return encoder.finish();
  }
}

// mean[i] = [mean[i] +] share · addend[i], without the first term if step.part is 0
//
// n elements, a multiple of 4; an invocation owns 4. A step averages the gradients of several batches, which
// step.part counts; share is 1 / their number.
struct Params { n: u32, share: f32 }

@group(0) @binding(0) var<storage, read> addend: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> mean: array<vec4f>;
@group(0) @binding(2) var<uniform> step: Step;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let i = number_of(group) * 64u + lane;
  if (i < params.n / 4u) {
    mean[i] = select(mean[i], vec4f(), step.part == 0u) + params.share * addend[i];
  }
}

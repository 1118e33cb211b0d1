// Statistics for evaluation: the running mean and 1 / √(running variance + eps).
//
// running_mean and running_var [C], statistics [1, 2, C].
struct Params { C: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> running_mean: array<vec4f>;
@group(0) @binding(1) var<storage, read> running_var: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> statistics: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(8)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let C4 = params.C / 4u;
  let c4 = number_of(group) * 8u + lane;
  if (c4 < C4) {
    statistics[c4] = running_mean[c4];
    statistics[C4 + c4] = 1.0 / sqrt(running_var[c4] + params.eps);
  }
}

// Statistics for evaluation: the running mean and 1 / √(running variance + eps).
//
// running_mean and running_var [C], statistics [1, 2, C].
struct Params { C: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> running_mean: array<vec4f>;
@group(0) @binding(1) var<storage, read> running_var: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> statistics: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let C4 = params.C / 4u;
  if (id.x < C4) {
    statistics[id.x] = running_mean[id.x];
    statistics[C4 + id.x] = 1.0 / sqrt(running_var[id.x] + params.eps);
  }
}

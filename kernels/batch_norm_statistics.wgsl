// Mean and 1 / √(variance + eps) of each channel of each group, from the partials; and the running statistics.
//
// partials [G, parts, 2, C], statistics [G, 2, C] (mean, then reciprocal deviation), running_mean and running_var [C].
// Parts are joined by the formula of Chan et al. (1979). The running statistics take the groups (views) in turn, with
// the unbiased variance, as separate forward passes would.
struct Params { G: u32, M: u32, C: u32, parts: u32, length: u32, eps: f32, decay: f32 }

@group(0) @binding(0) var<storage, read> partials: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> statistics: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> running_mean: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> running_var: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let C4 = params.C / 4u;
  let c4 = (group.x + group.y * groups.x) * 8u + lane;
  if (c4 >= C4) {
    return;
  }
  var running = running_mean[c4];
  var running_square = running_var[c4];
  for (var g = 0u; g < params.G; g++) {
    var count = 0.0;
    var mean = vec4f();
    var m2 = vec4f();
    for (var part = 0u; part < params.parts; part++) {
      let at = (g * params.parts + part) * 2u * C4 + c4;
      let n = f32(min((part + 1u) * params.length, params.M) - part * params.length);
      let delta = partials[at] - mean;
      let total = count + n;
      mean += delta * (n / total);
      m2 += partials[at + C4] + delta * delta * (count * n / total);
      count = total;
    }
    statistics[g * 2u * C4 + c4] = mean;
    statistics[(g * 2u + 1u) * C4 + c4] = 1.0 / sqrt(m2 / count + params.eps);
    running = params.decay * running + (1.0 - params.decay) * mean;
    running_square = params.decay * running_square + (1.0 - params.decay) * (m2 / max(count - 1.0, 1.0));
  }
  running_mean[c4] = running;
  running_var[c4] = running_square;
}

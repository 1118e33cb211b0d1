// Mean and 1 / √(variance + eps) of each channel of each group, from the partials; and the running statistics.
//
// partials [G, parts, 2, C], statistics [G, 2, C] (mean, then reciprocal deviation), running_mean and running_var [C].
// Parts are joined by the formula of Chan et al. (1979). The running statistics take the groups (views) in turn, with
// the unbiased variance, as separate forward passes would. DEFERRED leaves that to others, who know of more batches than
// this one: then running_mean and running_var are [G, C] and get each group's mean and unbiased variance.
//
// A workgroup owns QUADS quadruples of channels. Of each, LANES invocations take every LANES-th part, and a tree in
// workgroup memory joins their moments, in a fixed order. LANES is a power of two; 1 needs no tree.
override QUADS: u32 = 8u;
override LANES: u32 = 1u;
override DEFERRED: u32 = 0u;

struct Params { G: u32, M: u32, C: u32, parts: u32, length: u32, eps: f32, decay: f32 }

@group(0) @binding(0) var<storage, read> partials: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> statistics: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> running_mean: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> running_var: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> shared_moments: array<Moments, QUADS * LANES>;

@compute @workgroup_size(QUADS * LANES)
fn main(group: Workgroup, @builtin(local_invocation_index) invocation: u32) {
  let C4 = params.C / 4u;
  let lane = invocation / QUADS;
  let quad = number_of(group) * QUADS + invocation % QUADS;
  let c4 = min(quad, C4 - 1u); // not a return: all invocations must reach the barriers
  let writes = lane == 0u && quad < C4;
  var running = running_mean[c4];
  var running_square = running_var[c4];
  for (var g = 0u; g < params.G; g++) {
    var all = Moments();
    for (var part = lane; part < params.parts; part += LANES) {
      let at = (g * params.parts + part) * 2u * C4 + c4;
      let n = f32(min((part + 1u) * params.length, params.M) - part * params.length);
      all = merged(all, Moments(n, partials[at], partials[at + C4]));
    }
    if (LANES > 1u) {
      workgroupBarrier(); // the last group's tree has been read
      shared_moments[invocation] = all;
      for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (lane < half) {
          all = merged(all, shared_moments[invocation + half * QUADS]);
          shared_moments[invocation] = all;
        }
      }
    }
    if (writes) {
      statistics[g * 2u * C4 + c4] = all.mean;
      statistics[(g * 2u + 1u) * C4 + c4] = 1.0 / sqrt(all.m2 / all.count + params.eps);
    }
    let unbiased = all.m2 / max(all.count - 1.0, 1.0);
    if (DEFERRED == 1u && writes) {
      running_mean[g * C4 + c4] = all.mean;
      running_var[g * C4 + c4] = unbiased;
    }
    running = params.decay * running + (1.0 - params.decay) * all.mean;
    running_square = params.decay * running_square + (1.0 - params.decay) * unbiased;
  }
  if (DEFERRED == 0u && writes) {
    running_mean[c4] = running;
    running_var[c4] = running_square;
  }
}

// ring[slot].xy = (L, z_std): the batch's loss Σ_i L_i / N, and the mean over dimensions of the standard deviation of the
// normalized projections over the batch, 1 / √D when they are spread evenly and 0 when they have collapsed.
//
// A step over several batches, which step.part counts, reports their mean; share is 1 / their number. losses [2N], ring
// [slots, 4], of which the weight_health kernels write the other two. partials [parts, 2, D]: mean and sum of squared
// deviations of each dimension in each part of the 2N rows, of `length` rows except for the last.
// One workgroup; a lane takes every 64th quadruple of dimensions and every 64th row, and each sum has a fixed order.
struct Params { N: u32, D: u32, parts: u32, length: u32, share: f32 }

const LANES = 64u;

@group(0) @binding(0) var<storage, read> losses: array<f32>;
@group(0) @binding(1) var<storage, read> partials: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> ring: array<vec2f>;
@group(0) @binding(3) var<uniform> step: Step;
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> partial: array<vec2f, LANES>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  let rows = 2u * params.N;
  let D4 = params.D / 4u;
  var loss = 0.0;
  for (var i = lane; i < rows; i += LANES) {
    loss += losses[i];
  }
  var deviation = 0.0;
  for (var d = lane; d < D4; d += LANES) {
    var all = Moments();
    for (var part = 0u; part < params.parts; part++) {
      let n = f32(min((part + 1u) * params.length, rows) - part * params.length);
      all = merged(all, Moments(n, partials[part * 2u * D4 + d], partials[(part * 2u + 1u) * D4 + d]));
    }
    deviation += dot(sqrt(all.m2 / all.count), vec4f(1.0));
  }
  partial[lane] = vec2f(loss / f32(params.N), deviation / f32(params.D));
  workgroupBarrier();
  if (lane == 0u) {
    var total = vec2f();
    for (var i = 0u; i < LANES; i++) {
      total += partial[i];
    }
    let before = select(ring[2u * step.slot], vec2f(), step.part == 0u);
    ring[2u * step.slot] = before + params.share * total;
  }
}

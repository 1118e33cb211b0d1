// ring[slot] = (L, z_std): the batch's loss Σ_i L_i / N, and the mean over dimensions of the standard deviation of the
// normalised projections over the batch, 1 / √D when they are spread evenly and 0 when they have collapsed.
//
// losses [2N], z [2N, D], ring [slots, 2]. One workgroup; each sum has one order.
struct Params { N: u32, D: u32, eps: f32 }
struct Step { lr: f32, momentum: f32, weight_decay: f32, tau: f32, one_minus_tau: f32, slot: u32 }

const LANES = 64u;

@group(0) @binding(0) var<storage, read> losses: array<f32>;
@group(0) @binding(1) var<storage, read> z: array<f32>;
@group(0) @binding(2) var<storage, read_write> scales: array<f32>;
@group(0) @binding(3) var<storage, read_write> ring: array<vec2f>;
@group(0) @binding(4) var<uniform> step: Step;
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> partial: array<vec2f, LANES>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  let rows = 2u * params.N;
  var loss = 0.0;
  for (var i = lane; i < rows; i += LANES) {
    loss += losses[i];
    var square = 0.0;
    for (var d = 0u; d < params.D; d++) {
      let v = z[i * params.D + d];
      square += v * v;
    }
    scales[i] = 1.0 / max(sqrt(square), params.eps);
  }
  storageBarrier();
  workgroupBarrier();
  var deviation = 0.0;
  for (var d = lane; d < params.D; d += LANES) {
    var mean = 0.0;
    for (var i = 0u; i < rows; i++) {
      mean += z[i * params.D + d] * scales[i];
    }
    mean /= f32(rows);
    var variance = 0.0;
    for (var i = 0u; i < rows; i++) {
      let v = z[i * params.D + d] * scales[i] - mean;
      variance += v * v;
    }
    deviation += sqrt(variance / f32(rows));
  }
  partial[lane] = vec2f(loss / f32(params.N), deviation / f32(params.D));
  workgroupBarrier();
  if (lane == 0u) {
    var total = vec2f();
    for (var i = 0u; i < LANES; i++) {
      total += partial[i];
    }
    ring[step.slot] = total;
  }
}

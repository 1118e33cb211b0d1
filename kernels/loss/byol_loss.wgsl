// L_i = ‖q̄_i − z̄'_j‖² = 2 − 2·⟨q_i, z'_j⟩ / (‖q_i‖·‖z'_j‖),   dq_i = dL / dq_i of the batch's loss L = Σ_i L_i / N
//
// q and dq [2N, D]: predictions of view 1, then of view 2. z [2N, D]: the target's projections in the same order. Row i
// meets the other view of its image, j = (i + N) mod 2N. losses [2N], padded to a multiple of 4. Grill et al. 2020,
// equation 2; the two terms of an image are added, then averaged over the batch.
//
// An invocation owns a row. A row of length 0 has no direction: eps keeps it from becoming NaN.
struct Params { N: u32, D: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> z: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dq: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(8)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let i = number_of(group) * 8u + lane;
  let D4 = params.D / 4u;
  if (i >= 2u * params.N) {
    return;
  }
  let j = (i + params.N) % (2u * params.N);
  var qq = 0.0;
  var zz = 0.0;
  var qz = 0.0;
  for (var d = 0u; d < D4; d++) {
    let a = q[i * D4 + d];
    let b = z[j * D4 + d];
    qq += dot(a, a);
    zz += dot(b, b);
    qz += dot(a, b);
  }
  let rq = 1.0 / larger(sqrt(qq), params.eps);
  let rz = 1.0 / larger(sqrt(zz), params.eps);
  let cosine = qz * rq * rz;
  losses[i] = 2.0 - 2.0 * cosine;
  let scale = -2.0 / f32(params.N) * rq;
  for (var d = 0u; d < D4; d++) {
    dq[i * D4 + d] = scale * (z[j * D4 + d] * rz - q[i * D4 + d] * (rq * cosine));
  }
}

// L_i = 2 − 2·s_ij + 2βα · ln Σ_{k≠i} exp(s_ik / α),   G_ik = dL / ds_ik of the batch's loss L = Σ_i L_i / N
//
// The InfoNCE^{α,β} of Grill et al. 2020, section 5, negated, as a sum over both directions, plus 4. s_ik is the cosine of
// row i of φ and row k of ψ, of 2N rows each: view 1 of the N images, then view 2. j = (i + N) mod 2N is the other view of
// i's image; k runs over all rows except i: the other images in the same view, and all images in the other view.
//
//     G_ik = 2 / N · (β · exp(s_ik / α) / Σ_{l≠i} exp(s_il / α) − [k = j]),   G_ii = 0
//
// similarity [P, P], P = 2N rounded up to a multiple of 4, of which the dispatch sees `rows` rows starting at `first`: it
// replaces s by G; rows and columns of padding become 0. losses [2N]. A workgroup owns a row; lanes take every 64th column,
// and lane 0 joins their results, in order. The largest s_ik is subtracted from the exponents: they are at most 0, so that
// no α is too small.
struct Params { N: u32, P: u32, first: u32, rows: u32, beta: f32, alpha: f32 }

const LANES = 64u;

@group(0) @binding(0) var<storage, read_write> similarity: array<f32>;
@group(0) @binding(1) var<storage, read_write> losses: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> partial: array<f32, LANES>;
var<workgroup> joined: f32;

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let row = number_of(group);
  if (row >= params.rows) {
    return;
  }
  let i = params.first + row;
  let begin = row * params.P;
  let M = 2u * params.N;
  if (i >= M) {
    for (var k = lane; k < params.P; k += LANES) {
      similarity[begin + k] = 0.0;
    }
    return;
  }
  let j = (i + params.N) % M;
  let positive = similarity[begin + j];

  var most = positive;
  for (var k = lane; k < M; k += LANES) {
    if (k != i) {
      most = max(most, similarity[begin + k]);
    }
  }
  partial[lane] = most;
  workgroupBarrier();
  if (lane == 0u) {
    for (var l = 1u; l < LANES; l++) {
      most = max(most, partial[l]);
    }
    joined = most;
  }
  let largest = workgroupUniformLoad(&joined);

  var sum = 0.0;
  for (var k = lane; k < M; k += LANES) {
    if (k != i) {
      sum += exponential((similarity[begin + k] - largest) / params.alpha);
    }
  }
  partial[lane] = sum;
  workgroupBarrier();
  if (lane == 0u) {
    for (var l = 1u; l < LANES; l++) {
      sum += partial[l];
    }
    joined = sum;
    losses[i] = 2.0 - 2.0 * positive + 2.0 * params.beta * (largest + params.alpha * logarithm(sum));
  }
  let total = workgroupUniformLoad(&joined);

  let scale = 2.0 / f32(params.N);
  for (var k = lane; k < params.P; k += LANES) {
    var g = 0.0;
    if (k < M && k != i) {
      g = scale * (params.beta * exponential((similarity[begin + k] - largest) / params.alpha) / total - f32(k == j));
    }
    similarity[begin + k] = g;
  }
}

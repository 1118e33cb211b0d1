// sums[first + c] = (Σ g², Σ θ², Σ θ·ξ, Σ ξ²) over chunk c of 128 blocks of 64 elements
//
// gradient and theta [blocks, 64], xi [paired, 64], paired ≤ blocks: the parameters that have a target come first; θ of
// the others does not count. sums [chunks, 4], of all pieces of the store. A workgroup owns a chunk; lanes take every
// 64th quadruple, and lane 0 adds their sums in order. Each tensor is read once: memory bandwidth is the limit.
struct Params { blocks: u32, paired: u32, first: u32, chunks: u32 }

const LANES = 64u;
const CHUNK = 2048u; // quadruples

@group(0) @binding(0) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(1) var<storage, read> theta: array<vec4f>;
@group(0) @binding(2) var<storage, read> xi: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> sums: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> partial: array<vec4f, LANES>;

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let chunk = number_of(group);
  if (chunk >= params.chunks) {
    return;
  }
  let end = min((chunk + 1u) * CHUNK, params.blocks * 16u);
  var sum = vec4f();
  for (var i = chunk * CHUNK + lane; i < end; i += LANES) {
    let g = gradient[i];
    sum.x += dot(g, g);
    if (i < params.paired * 16u) {
      let a = theta[i];
      let b = xi[i];
      sum += vec4f(0.0, dot(a, a), dot(a, b), dot(b, b));
    }
  }
  partial[lane] = sum;
  workgroupBarrier();
  if (lane == 0u) {
    var total = vec4f();
    for (var l = 0u; l < LANES; l++) {
      total += partial[l];
    }
    sums[params.first + chunk] = total;
  }
}

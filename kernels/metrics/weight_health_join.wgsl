// ring[slot].zw = (‖g‖, ⟨θ, ξ⟩ / (‖θ‖·‖ξ‖)), the cosine 0 without a target
//
// sums [chunks, 4]: (Σ g², Σ θ², Σ θ·ξ, Σ ξ²) of each chunk. ring [slots, 4], of which step_metrics writes the first two.
// One workgroup; lanes take every 64th chunk, and lane 0 adds their sums in order.
struct Params { chunks: u32 }

const LANES = 64u;

@group(0) @binding(0) var<storage, read> sums: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> ring: array<vec2f>;
@group(0) @binding(2) var<uniform> step: Step;
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> partial: array<vec4f, LANES>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = vec4f();
  for (var c = lane; c < params.chunks; c += LANES) {
    sum += sums[c];
  }
  partial[lane] = sum;
  workgroupBarrier();
  if (lane == 0u) {
    var total = vec4f();
    for (var l = 0u; l < LANES; l++) {
      total += partial[l];
    }
    let lengths = sqrt(total.y) * sqrt(total.w);
    ring[2u * step.slot + 1u] = vec2f(sqrt(total.x), total.z / select(lengths, 1.0, lengths == 0.0));
  }
}

// trust = coefficient · ‖θ‖ / ‖g + λ·θ‖ of a parameter, 1 where either norm is 0 and for parameters of one axis
//
// norms [blocks, 2], spans [parameters, 2] (first block and number of blocks), scales [blocks, 2] (trust, decay): the
// ratio goes to each block of the parameter, where the update looks it up. One workgroup to a parameter; lanes take every
// 64th block, and lane 0 adds their sums in order. You et al. 2017. With CLIP, min(trust / lr, 1): the parameter's rate
// lr · trust is then at most lr, as solo-learn's LARS has it.
override CLIP: bool = false;

struct Params { coefficient: f32 }
struct Step { lr: f32, momentum: f32, weight_decay: f32, tau: f32, one_minus_tau: f32, slot: u32, part: u32 }

const LANES = 64u;

@group(0) @binding(0) var<storage, read> norms: array<vec2f>;
@group(0) @binding(1) var<storage, read> spans: array<vec2u>;
@group(0) @binding(2) var<storage, read_write> scales: array<vec2f>;
@group(0) @binding(3) var<uniform> step: Step;
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> partial: array<vec2f, LANES>;
var<workgroup> trust: f32;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let span = spans[group.x];
  var sum = vec2f();
  for (var b = lane; b < span.y; b += LANES) {
    sum += norms[span.x + b];
  }
  partial[lane] = sum;
  workgroupBarrier();
  if (lane == 0u) {
    var total = vec2f();
    for (var i = 0u; i < LANES; i++) {
      total += partial[i];
    }
    let adapted = scales[span.x].y != 0.0 && total.x > 0.0 && total.y > 0.0;
    var ratio = params.coefficient * sqrt(total.x / max(total.y, 1e-30));
    if (CLIP) {
      ratio = min(ratio / step.lr, 1.0);
    }
    trust = select(1.0, ratio, adapted);
  }
  let shared_trust = workgroupUniformLoad(&trust);
  for (var b = lane; b < span.y; b += LANES) {
    scales[span.x + b].x = shared_trust;
  }
}

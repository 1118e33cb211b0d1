// ‖θ_b‖² and ‖g_b + λ·θ_b‖² of each block b of 64 elements
//
// theta and gradient [n], scales [n / 64, 2] (trust, decay), norms [n / 64, 2]. An invocation owns a block.
struct Params { n: u32 }
struct Step { lr: f32, momentum: f32, weight_decay: f32, tau: f32, one_minus_tau: f32, slot: u32, part: u32 }

@group(0) @binding(0) var<storage, read> theta: array<vec4f>;
@group(0) @binding(1) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(2) var<storage, read> scales: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> norms: array<vec2f>;
@group(0) @binding(4) var<uniform> step: Step;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let b = (group.x + group.y * groups.x) * 64u + lane;
  if (b >= params.n / 64u) {
    return;
  }
  let decay = step.weight_decay * scales[b].y;
  var sum = vec2f();
  for (var i = b * 16u; i < b * 16u + 16u; i++) {
    let w = theta[i];
    let g = gradient[i] + decay * w;
    sum += vec2f(dot(w, w), dot(g, g));
  }
  norms[b] = sum;
}

// v ← momentum · v + trust · (g + λ·θ);   θ ← θ − lr · v;   ξ ← τ·ξ + (1 − τ)·θ with the new θ
//
// theta, gradient and velocity [n], the flat parameter store in blocks of 64: a parameter begins at a block. scales
// [n / 64, 2] holds each block's trust ratio (1 with SGD), and 1 or 0 for whether it decays.
// xi [target] follows the first `target` elements of theta, the encoder and projector; what follows, the predictor,
// has no target.
//
// SGD, LARS and the moving average of the target network in one pass over memory: the new θ is in a register when ξ needs
// it. An invocation owns 4 elements, and memory bandwidth is the limit: a second look-up, of the block's parameter in one
// table and of its scale in another, took 9 % more on llvmpipe. Grill et al. 2020, section 3.1; You et al. 2017.
//
// Two parts say whether networks compute with θ and ξ themselves or with float16 copies, which are written here too.
override EMA: bool = true;

// Sutskever et al. 2013 as PyTorch has it: θ ← θ − lr · (g' + momentum · v) with g' = trust · (g + λ·θ) and the new v.
override NESTEROV: bool = false;

struct Params { n: u32, target_n: u32 }

@group(0) @binding(0) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(1) var<storage, read> scales: array<vec2f>;
@group(0) @binding(2) var<storage, read_write> theta: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> velocity: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> xi: array<vec4f>;

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let i = number_of(group) * 64u + lane;
  if (i >= params.n / 4u || is_skipped()) {
    return;
  }
  let scale = scales[i / 16u];
  let old = theta[i];
  let g = scale.x * (gradient[i] + step.weight_decay * scale.y * old);
  let v = step.momentum * velocity[i] + g;
  let updated = old - step.lr * select(v, g + step.momentum * v, NESTEROV);
  velocity[i] = v;
  theta[i] = updated;
  copy_theta(i, updated);
  // With τ = 1 the target is fixed, to the bit.
  if (EMA && i < params.target_n / 4u && step.one_minus_tau != 0.0) {
    let moved = step.tau * xi[i] + step.one_minus_tau * updated;
    xi[i] = moved;
    copy_xi(i, moved);
  }
}

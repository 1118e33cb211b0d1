// dx[i] = scale · dy[i]   the loss scale, applied where gradients become float16
//
// A loss of scale times the size has gradients of scale times the size: those that float16 would round to 0 are kept.
// Micikevicius et al. 2018, section 3.2. n elements, a multiple of 4; an invocation owns 4.
struct Params { n: u32 }

@group(0) @binding(0) var<storage, read> dy: array<vec4f>;
@group(0) @binding(1) var<storage, read> loss_scale: array<u32>;
@group(0) @binding(2) var<storage, read_write> dx: array<Result>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let i = number_of(group) * 64u + lane;
  if (i < params.n / 4u) {
    dx[i] = Result(bitcast<f32>(loss_scale[SCALE]) * dy[i]);
  }
}

// gradient[i] ← gradient[i] / scale;   overflow ← 1 if any is not finite
//
// gradient [n], n a multiple of 4, of a loss of scale times the size. An invocation owns 4 elements. Those that see an
// overflow all write the same: their order does not matter.
struct Params { n: u32 }

@group(0) @binding(0) var<storage, read_write> gradient: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> loss_scale: array<atomic<u32>>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let i = number_of(group) * 64u + lane;
  if (i >= params.n / 4u) {
    return;
  }
  let g = gradient[i];
  gradient[i] = bitcast<f32>(atomicLoad(&loss_scale[INVERSE])) * g;
  if (any((bitcast<vec4u>(g) & vec4u(0x7f800000u)) == vec4u(0x7f800000u))) {
    atomicOr(&loss_scale[OVERFLOW], 1u);
  }
}

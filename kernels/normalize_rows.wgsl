// y_i = x_i / max(‖x_i‖, eps)
//
// x [M, D] and y [P, D], D a multiple of 4, P ≥ M: what y has more is 0. An invocation owns a row; one of length 0 stays 0.
struct Params { M: u32, P: u32, D: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

// The larger one of two numbers that are not negative, which compare as their bits do; NaN, the largest of these, stays.
fn larger(a: f32, b: f32) -> f32 {
  return bitcast<f32>(max(bitcast<u32>(a), bitcast<u32>(b)));
}

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.x + group.y * groups.x) * 8u + lane;
  let D4 = params.D / 4u;
  if (i >= params.P) {
    return;
  }
  if (i >= params.M) {
    for (var d = 0u; d < D4; d++) {
      y[i * D4 + d] = vec4f();
    }
    return;
  }
  var square = 0.0;
  for (var d = 0u; d < D4; d++) {
    let v = x[i * D4 + d];
    square += dot(v, v);
  }
  let scale = 1.0 / larger(sqrt(square), params.eps);
  for (var d = 0u; d < D4; d++) {
    y[i * D4 + d] = x[i * D4 + d] * scale;
  }
}

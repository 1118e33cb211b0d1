// y_i = x_i / max(‖x_i‖, eps)
//
// x [M, D] and y [P, D], D a multiple of 4, P ≥ M: the other rows of y are 0. An invocation owns a row; one of length 0
// stays 0.
struct Params { M: u32, P: u32, D: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(8)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let i = number_of(group) * 8u + lane;
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

// dx_i = (dy_i − y_i · ⟨y_i, dy_i⟩) / max(‖x_i‖, eps) with y_i = x_i / max(‖x_i‖, eps)
//
// x and dx [M, D], D a multiple of 4; dy [P, D] with P ≥ M, of which the first M rows count. An invocation owns a row.
struct Params { M: u32, D: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(8)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let i = number_of(group) * 8u + lane;
  let D4 = params.D / 4u;
  if (i >= params.M) {
    return;
  }
  var square = 0.0;
  var along = 0.0;
  for (var d = 0u; d < D4; d++) {
    let v = x[i * D4 + d];
    square += dot(v, v);
    along += dot(v, dy[i * D4 + d]);
  }
  let scale = 1.0 / larger(sqrt(square), params.eps);
  for (var d = 0u; d < D4; d++) {
    dx[i * D4 + d] = scale * (dy[i * D4 + d] - x[i * D4 + d] * (scale * (along * scale)));
  }
}

// y[m,c] = (x[m,c] − mean_m) / √(var_m + eps) · gamma[c] + beta[c]   mean and biased variance of row m
//
// x and y [M, C], C a multiple of 4; gamma and beta [C].
struct Params { M: u32, C: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read> gamma: array<vec4f>;
@group(0) @binding(2) var<storage, read> beta: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<Result>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(ROWS * LANES)
fn main(group: Workgroup, @builtin(local_invocation_index) invocation: u32) {
  let C4 = params.C / 4u;
  let own = number_of(group) * ROWS + invocation / LANES;
  let m = min(own, params.M - 1u); // not a return: all invocations must reach the barriers
  let statistics = row_statistics(invocation, m);
  let end = select(0u, C4, own < params.M);
  for (var c4 = invocation % LANES; c4 < end; c4 += LANES) {
    y[m * C4 + c4] = Result((vec4f(x[m * C4 + c4]) - statistics.x) * statistics.y * gamma[c4] + beta[c4]);
  }
}

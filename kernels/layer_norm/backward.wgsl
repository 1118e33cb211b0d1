// dx[m,c] = rstd_m · (g[m,c] − Σ_c g / C − x̂[m,c] · Σ_c g · x̂ / C)   g = dy · gamma, x̂ = (x − mean_m) · rstd_m
//
// x, dy and dx [M, C], C a multiple of 4; gamma [C]. The mean and rstd_m = 1 / √(var_m + eps) of each row are computed anew,
// as in the forward pass, and written to statistics [M, 2] for the gradients of gamma and beta.
struct Params { M: u32, C: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read> dy: array<Stored>;
@group(0) @binding(2) var<storage, read> gamma: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dx: array<Result>;
@group(0) @binding(4) var<storage, read_write> statistics: array<vec2f>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(ROWS * LANES)
fn main(group: Workgroup, @builtin(local_invocation_index) invocation: u32) {
  let C4 = params.C / 4u;
  let own = number_of(group) * ROWS + invocation / LANES;
  let m = min(own, params.M - 1u); // not a return: all invocations must reach the barriers
  let of_row = row_statistics(invocation, m);
  let mean = of_row.x;
  let rstd = of_row.y;
  let lane = invocation % LANES;
  var sum = vec4f();
  var product = vec4f();
  for (var c4 = lane; c4 < C4; c4 += LANES) {
    let g = vec4f(dy[m * C4 + c4]) * gamma[c4];
    sum += g;
    product += g * ((vec4f(x[m * C4 + c4]) - mean) * rstd);
  }
  let mean_g = over_row(invocation, sum_of(sum)) / f32(params.C);
  let mean_product = over_row(invocation, sum_of(product)) / f32(params.C);
  let exists = own < params.M;
  let end = select(0u, C4, exists);
  for (var c4 = lane; c4 < end; c4 += LANES) {
    let g = vec4f(dy[m * C4 + c4]) * gamma[c4];
    dx[m * C4 + c4] = Result(rstd * (g - mean_g - (vec4f(x[m * C4 + c4]) - mean) * rstd * mean_product));
  }
  if (exists && lane == 0u) {
    statistics[m] = of_row;
  }
}

// y[n,c] = Σ_m x[n,m,c] / M
//
// x [N, M, C] with M = H·W, y [N, C]; an invocation owns 4 channels of one image.
struct Params { N: u32, M: u32, C: u32 }

@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read_write> y: array<Result>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let C4 = params.C / 4u;
  let i = number_of(group) * 64u + lane;
  if (i >= params.N * C4) {
    return;
  }
  var sum = vec4f();
  for (var m = 0u; m < params.M; m++) {
    sum += vec4f(x[(i / C4 * params.M + m) * C4 + i % C4]);
  }
  y[i] = Result(sum / f32(params.M));
}

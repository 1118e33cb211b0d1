// y[m,c] = scale[c] · x[m,c] [+ residual[m,c]]
//
// x, residual and y [M, C], scale [C]; C is a multiple of 4. Without RESIDUAL, x is bound in its place. An invocation owns 4
// channels of a row.
override RESIDUAL: bool = false;

struct Params { n: u32, C: u32 }

@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read> scale: array<vec4f>;
@group(0) @binding(2) var<storage, read> residual: array<Stored>;
@group(0) @binding(3) var<storage, read_write> y: array<Result>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let i = number_of(group) * 64u + lane;
  if (i >= params.n / 4u) {
    return;
  }
  var value = scale[i % (params.C / 4u)] * vec4f(x[i]);
  if (RESIDUAL) {
    value += vec4f(residual[i]);
  }
  y[i] = Result(value);
}

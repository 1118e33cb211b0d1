// y[i] = x[i], in the type of y
//
// n elements, a multiple of 4; an invocation owns 4.
struct Params { n: u32 }

@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read_write> y: array<Result>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let i = number_of(group) * 64u + lane;
  if (i < params.n / 4u) {
    y[i] = Result(vec4f(x[i]));
  }
}

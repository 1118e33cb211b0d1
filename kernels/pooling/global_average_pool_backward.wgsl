// dx[n,m,c] = dy[n,c] / M
//
// dy [N, C], dx [N, M, C] with M = H·W; an invocation owns 4 channels of one pixel.
struct Params { N: u32, M: u32, C: u32 }

@group(0) @binding(0) var<storage, read> dy: array<Stored>;
@group(0) @binding(1) var<storage, read_write> dx: array<Result>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let C4 = params.C / 4u;
  let i = number_of(group) * 64u + lane;
  if (i < params.N * params.M * C4) {
    dx[i] = Result(vec4f(dy[i / C4 / params.M * C4 + i % C4]) / f32(params.M));
  }
}

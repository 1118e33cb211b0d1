// dx[i] = dy[i] · (Φ(x[i]) + x[i] · φ(x[i]))   in place: dx is dy before
//
// n elements, a multiple of 4; an invocation owns 4.
struct Params { n: u32 }

@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read_write> dx: array<Stored>;
@group(0) @binding(2) var<uniform> params: Params;

const DENSITY = 0.3989422804014327; // 1 / √2π

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let i = number_of(group) * 64u + lane;
  if (i < params.n / 4u) {
    let at = normal(vec4f(x[i]));
    dx[i] = Stored(vec4f(dx[i]) * (at.share + vec4f(x[i]) * at.bell * DENSITY));
  }
}

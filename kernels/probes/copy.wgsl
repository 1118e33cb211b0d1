// copied[i] = source[i]: the throughput of the adapter's memory
//
// source and copied [n] of vec4f, an invocation per element.
struct Params { n: u32 }

@group(0) @binding(0) var<storage, read> source: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> copied: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let i = number_of(group) * 64u + lane;
  if (i < params.n) {
    copied[i] = source[i];
  }
}

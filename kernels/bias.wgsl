// y[m,c] += b[c]
//
// y [M, C], b [C]; an invocation owns 4 channels of one row.
struct Params { M: u32, C: u32 }

@group(0) @binding(0) var<storage, read> b: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.x + group.y * groups.x) * 64u + lane;
  let C4 = params.C / 4u;
  if (i < params.M * C4) {
    y[i] += b[i % C4];
  }
}

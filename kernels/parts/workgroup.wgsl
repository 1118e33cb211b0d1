// A workgroup's position in the grid, which counts workgroups through x and y: one dimension alone may not hold them all.
//
// Both members are uniform, so that barriers may follow a return that depends on them.
struct Workgroup {
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
}

fn number_of(group: Workgroup) -> u32 {
  return group.id.x + group.id.y * group.grid.x;
}

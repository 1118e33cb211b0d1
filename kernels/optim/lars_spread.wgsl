// scales[b].trust = ratios[owners[b]]: the ratio of a block's parameter, where the update kernel looks it up
//
// ratios [parameters], owners [blocks] (the number of each block's parameter), scales [blocks, 2] (trust, decay). An
// invocation owns a block. A parameter may have most of all blocks, so that lars_trust does not write them.
struct Params { blocks: u32 }

@group(0) @binding(0) var<storage, read> ratios: array<f32>;
@group(0) @binding(1) var<storage, read> owners: array<u32>;
@group(0) @binding(2) var<storage, read_write> scales: array<vec2f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let b = number_of(group) * 64u + lane;
  if (b < params.blocks) {
    scales[b].x = ratios[owners[b]];
  }
}

// found = all (m, n) with cosines[m, n] ≥ threshold and rows[m] ≠ columns[n]
//
// cosines [M, N]; rows [M] and columns [N]: numbers of groups, within which pairs are not wanted any more. found
// [1 + 3 · capacity]: the number of pairs, 0 at first, then m, n and the bits of the cosine of each, in no particular order.
// Pairs beyond the capacity are only counted. An invocation takes four columns of a row.
struct Params { M: u32, N: u32, capacity: u32, threshold: f32 }

@group(0) @binding(0) var<storage, read> cosines: array<vec4f>;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read> columns: array<u32>;
@group(0) @binding(3) var<storage, read_write> found: array<atomic<u32>>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let i = 64u * number_of(group) + lane;
  let quadruples = params.N / 4u;
  if (i >= params.M * quadruples) {
    return;
  }
  let four = cosines[i];
  if (!any(four >= vec4f(params.threshold))) {
    return;
  }
  let m = i / quadruples;
  for (var c = 0u; c < 4u; c++) {
    let n = 4u * (i % quadruples) + c;
    if (four[c] >= params.threshold && rows[m] != columns[n]) {
      let at = atomicAdd(&found[0], 1u);
      if (at < params.capacity) {
        atomicStore(&found[1u + 3u * at], m);
        atomicStore(&found[2u + 3u * at], n);
        atomicStore(&found[3u + 3u * at], bitcast<u32>(four[c]));
      }
    }
  }
}

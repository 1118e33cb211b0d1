// dbeta = Σ dz and dgamma = Σ dz · x̂, over each group for dx and over all groups for the parameters.
//
// partials [G, parts, 2, C], sums [G, 2, C] (Σ dz, then Σ dz · x̂), dgamma and dbeta [C].
//
// A workgroup owns QUADS quadruples of channels. Of each, LANES invocations take every LANES-th part, and a tree in
// workgroup memory adds their sums, in a fixed order. LANES is a power of two; 1 needs no tree.
override QUADS: u32 = 8u;
override LANES: u32 = 1u;

struct Params { G: u32, M: u32, C: u32, parts: u32, length: u32 }
struct Sums { first: vec4f, second: vec4f }

@group(0) @binding(0) var<storage, read> partials: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> sums: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dgamma: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dbeta: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> shared_sums: array<Sums, QUADS * LANES>;

@compute @workgroup_size(QUADS * LANES)
fn main(group: Workgroup, @builtin(local_invocation_index) invocation: u32) {
  let C4 = params.C / 4u;
  let lane = invocation / QUADS;
  let quad = number_of(group) * QUADS + invocation % QUADS;
  let c4 = min(quad, C4 - 1u); // not a return: all invocations must reach the barriers
  let writes = lane == 0u && quad < C4;
  var over_groups = Sums();
  for (var g = 0u; g < params.G; g++) {
    var all = Sums();
    for (var part = lane; part < params.parts; part += LANES) {
      let at = (g * params.parts + part) * 2u * C4 + c4;
      all = Sums(all.first + partials[at], all.second + partials[at + C4]);
    }
    if (LANES > 1u) {
      workgroupBarrier(); // the last group's tree has been read
      shared_sums[invocation] = all;
      for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (lane < half) {
          let other = shared_sums[invocation + half * QUADS];
          all = Sums(all.first + other.first, all.second + other.second);
          shared_sums[invocation] = all;
        }
      }
    }
    if (writes) {
      sums[g * 2u * C4 + c4] = all.first;
      sums[(g * 2u + 1u) * C4 + c4] = all.second;
    }
    over_groups = Sums(over_groups.first + all.first, over_groups.second + all.second);
  }
  if (writes) {
    dgamma[c4] = over_groups.second;
    dbeta[c4] = over_groups.first;
  }
}

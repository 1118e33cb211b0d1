// dbeta = Σ dz and dgamma = Σ dz · x̂, over each group for dx and over all groups for the parameters.
//
// partials [G, parts, 2, C], sums [G, 2, C] (Σ dz, then Σ dz · x̂), dgamma and dbeta [C].
struct Params { G: u32, M: u32, C: u32, parts: u32, length: u32 }

@group(0) @binding(0) var<storage, read> partials: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> sums: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dgamma: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dbeta: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let C4 = params.C / 4u;
  let c4 = (group.x + group.y * groups.x) * 8u + lane;
  if (c4 >= C4) {
    return;
  }
  var all_sum = vec4f();
  var all_product = vec4f();
  for (var g = 0u; g < params.G; g++) {
    var sum = vec4f();
    var product = vec4f();
    for (var part = 0u; part < params.parts; part++) {
      let at = (g * params.parts + part) * 2u * C4 + c4;
      sum += partials[at];
      product += partials[at + C4];
    }
    sums[g * 2u * C4 + c4] = sum;
    sums[(g * 2u + 1u) * C4 + c4] = product;
    all_sum += sum;
    all_product += product;
  }
  dgamma[c4] = all_product;
  dbeta[c4] = all_sum;
}

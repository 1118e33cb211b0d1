// Joins every FACTOR consecutive parts of the partials into one, so that no invocation has to loop over thousands.
//
// partials [G, parts, 2, C], joined [G, ⌈parts / FACTOR⌉, 2, C]. With MOMENTS, it joins the mean and the sum of
// squared deviations of parts of `length` rows, by the formula of Chan et al. (1979); without, two sums.
//
// A workgroup owns 4 channels of QUADS new parts. Of each, LANES invocations take every LANES-th old part, and a tree in
// workgroup memory joins what they have, in a fixed order. LANES is a power of two; 1 needs no tree.
override MOMENTS: bool = false;
override FACTOR: u32 = 32u;
override QUADS: u32 = 64u;
override LANES: u32 = 1u;

struct Params { G: u32, M: u32, C: u32, parts: u32, length: u32 }

@group(0) @binding(0) var<storage, read> partials: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> joined: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> shared_parts: array<Moments, QUADS * LANES>;

// Two sums need no count.
fn joined_with(a: Moments, b: Moments) -> Moments {
  if (!MOMENTS) {
    return Moments(0.0, a.mean + b.mean, a.m2 + b.m2);
  }
  return merged(a, b);
}

@compute @workgroup_size(QUADS * LANES)
fn main(group: Workgroup, @builtin(local_invocation_index) invocation: u32) {
  let C4 = params.C / 4u;
  let lane = invocation / QUADS;
  let new_parts = (params.parts + FACTOR - 1u) / FACTOR;
  let id = number_of(group) * QUADS + invocation % QUADS;
  let c4 = id % C4;
  let new_part = id / C4 % new_parts;
  let g = id / C4 / new_parts;
  let begin = new_part * FACTOR;
  // Not a return where there is no such group: all invocations must reach the barriers.
  let end = select(0u, min(begin + FACTOR, params.parts), g < params.G);
  var all = Moments();
  for (var part = begin + lane; part < end; part += LANES) {
    let at = (g * params.parts + part) * 2u * C4 + c4;
    let n = f32(min((part + 1u) * params.length, params.M) - part * params.length);
    all = joined_with(all, Moments(n, partials[at], partials[at + C4]));
  }
  if (LANES > 1u) {
    shared_parts[invocation] = all;
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
      workgroupBarrier();
      if (lane < half) {
        all = joined_with(all, shared_parts[invocation + half * QUADS]);
        shared_parts[invocation] = all;
      }
    }
  }
  if (lane == 0u && g < params.G) {
    let at = (g * new_parts + new_part) * 2u * C4 + c4;
    joined[at] = all.mean;
    joined[at + C4] = all.m2;
  }
}

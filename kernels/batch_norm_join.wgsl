// Joins every FACTOR consecutive parts of the partials into one, so that no invocation has to walk through thousands.
//
// partials [G, parts, 2, C], joined [G, ⌈parts / FACTOR⌉, 2, C]. With MOMENTS, what is joined are the mean and the sum
// of squared deviations of parts of `length` rows, by the formula of Chan et al. (1979); without, two sums.
//
// A workgroup owns 4 channels of QUADS new parts. Of each, LANES invocations take every LANES-th old part, and a tree in
// workgroup memory joins what they have, in a fixed order. LANES is a power of two; 1 needs no tree.
override MOMENTS: bool = false;
override FACTOR: u32 = 32u;
override QUADS: u32 = 64u;
override LANES: u32 = 1u;

struct Params { G: u32, M: u32, C: u32, parts: u32, length: u32 }

// Mean and squared deviations, or two sums; these need no count.
struct Part { count: f32, first: vec4f, second: vec4f }

@group(0) @binding(0) var<storage, read> partials: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> joined: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> shared_parts: array<Part, QUADS * LANES>;

// Both may be empty: then the total is, too.
fn merged(a: Part, b: Part) -> Part {
  if (!MOMENTS) {
    return Part(0.0, a.first + b.first, a.second + b.second);
  }
  let total = a.count + b.count;
  let delta = b.first - a.first;
  return Part(
    total,
    a.first + delta * (b.count / max(total, 1.0)),
    a.second + (b.second + delta * delta * (a.count * b.count / max(total, 1.0))),
  );
}

@compute @workgroup_size(QUADS * LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) invocation: u32,
) {
  let C4 = params.C / 4u;
  let lane = invocation / QUADS;
  let new_parts = (params.parts + FACTOR - 1u) / FACTOR;
  let id = (group.x + group.y * groups.x) * QUADS + invocation % QUADS;
  let c4 = id % C4;
  let new_part = id / C4 % new_parts;
  let g = id / C4 / new_parts;
  let begin = new_part * FACTOR;
  // Not a return where there is no such group: all must meet at the barriers.
  let end = select(0u, min(begin + FACTOR, params.parts), g < params.G);
  var all = Part();
  for (var part = begin + lane; part < end; part += LANES) {
    let at = (g * params.parts + part) * 2u * C4 + c4;
    let n = f32(min((part + 1u) * params.length, params.M) - part * params.length);
    all = merged(all, Part(n, partials[at], partials[at + C4]));
  }
  if (LANES > 1u) {
    shared_parts[invocation] = all;
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
      workgroupBarrier();
      if (lane < half) {
        all = merged(all, shared_parts[invocation + half * QUADS]);
        shared_parts[invocation] = all;
      }
    }
  }
  if (lane == 0u && g < params.G) {
    let at = (g * new_parts + new_part) * 2u * C4 + c4;
    joined[at] = all.first;
    joined[at + C4] = all.second;
  }
}

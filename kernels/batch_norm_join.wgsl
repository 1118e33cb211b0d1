// Joins every 32 consecutive parts of the partials into one, so that no invocation has to walk through thousands.
//
// partials [G, parts, 2, C], joined [G, ⌈parts / 32⌉, 2, C]. With MOMENTS, what is joined are the mean and the sum of
// squared deviations of parts of `length` rows, by the formula of Chan et al. (1979); without, two sums.
// An invocation owns 4 channels of one new part.
override MOMENTS: bool = false;

struct Params { G: u32, M: u32, C: u32, parts: u32, length: u32 }

const FACTOR = 32u;

@group(0) @binding(0) var<storage, read> partials: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> joined: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let C4 = params.C / 4u;
  let new_parts = (params.parts + FACTOR - 1u) / FACTOR;
  let id = (group.x + group.y * groups.x) * 64u + lane;
  let c4 = id % C4;
  let new_part = id / C4 % new_parts;
  let g = id / C4 / new_parts;
  if (g >= params.G) {
    return;
  }
  let begin = new_part * FACTOR;
  let end = min(begin + FACTOR, params.parts);
  var count = 0.0;
  var first = vec4f();   // mean, or the first sum
  var second = vec4f();  // squared deviations, or the second sum
  for (var part = begin; part < end; part++) {
    let at = (g * params.parts + part) * 2u * C4 + c4;
    if (MOMENTS) {
      let n = f32(min((part + 1u) * params.length, params.M) - part * params.length);
      let delta = partials[at] - first;
      let total = count + n;
      first += delta * (n / total);
      second += partials[at + C4] + delta * delta * (count * n / total);
      count = total;
    } else {
      first += partials[at];
      second += partials[at + C4];
    }
  }
  let at = (g * new_parts + new_part) * 2u * C4 + c4;
  joined[at] = first;
  joined[at + C4] = second;
}

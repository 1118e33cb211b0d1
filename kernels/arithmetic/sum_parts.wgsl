// total[i] = [total[i] +] Σ_part parts[part, i], in the order of the parts; the first term if `more` is 1
//
// parts [parts, n], total [n]; n is a multiple of 4. An invocation owns 4 elements.
struct Params { n: u32, parts: u32, more: u32 }

@group(0) @binding(0) var<storage, read> parts: array<Stored>;
@group(0) @binding(1) var<storage, read_write> total: array<Result>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let i = number_of(group) * 64u + lane;
  let n4 = params.n / 4u;
  if (i >= n4) {
    return;
  }
  var sum = select(vec4f(), vec4f(total[i]), params.more == 1u);
  for (var part = 0u; part < params.parts; part++) {
    sum += vec4f(parts[part * n4 + i]);
  }
  total[i] = Result(sum);
}

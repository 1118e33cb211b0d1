// found = max(found, (max |actual|, max |expected|, max |actual − expected|)), as bits
//
// actual, expected [n]; found [3], 0 at first. Without its sign a number's bits, taken as an integer, rise with it: infinity
// comes after all numbers, NaN after infinity, so that neither is lost, and the maximum needs no order. An invocation takes
// every (64 · groups)th element. With HALVES, actual and expected are float16, two in a word.
override HALVES: bool = false;

struct Params { n: u32 }

@group(0) @binding(0) var<storage, read> actual: array<u32>;
@group(0) @binding(1) var<storage, read> expected: array<u32>;
@group(0) @binding(2) var<storage, read_write> found: array<atomic<u32>>;
@group(0) @binding(3) var<uniform> params: Params;

const MAGNITUDE = 0x7fffffffu;

fn value(i: u32, word: u32) -> f32 {
  return select(bitcast<f32>(word), unpack2x16float(word)[i % 2u], HALVES);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  var largest = vec3u();
  for (var i = id.x; i < params.n; i += 64u * groups.x) {
    let word = select(i, i / 2u, HALVES);
    let a = value(i, actual[word]);
    let e = value(i, expected[word]);
    largest = max(largest, bitcast<vec3u>(vec3f(a, e, a - e)) & vec3u(MAGNITUDE));
  }
  atomicMax(&found[0], largest.x);
  atomicMax(&found[1], largest.y);
  atomicMax(&found[2], largest.z);
}

// blurred_v[y, x] = Σ_k weight_v[k] · image_v[y, x + k − radius]   the first pass of a Gaussian blur, if the view has one
//
// image [M, SIZE, SIZE] of vec4f, the views of a piece behind `row` others; blurred [views, SIZE, SIZE] of vec4f. Beyond the
// border the image is reflected, without its last pixel. Workgroups as in augment_rows.
struct Params { first: u32, row: u32, groups: u32 }

@group(0) @binding(0) var<storage, read> table: array<i32>;
@group(0) @binding(1) var<storage, read> image: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> blurred: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

override SIZE: u32;
const HEADER = 20u;

fn real(at: u32) -> f32 {
  return bitcast<f32>(table[at]);
}

fn reflected(i: i32) -> u32 {
  let inner = abs(i);
  return u32(select(inner, 2 * (i32(SIZE) - 1) - inner, inner >= i32(SIZE)));
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = u32(table[params.first + group.y]);
  let taps = u32(table[at + 17u]);
  if (at == 0u || taps == 0u) {
    return;
  }
  let weights = at + HEADER + SIZE * (2u + u32(table[at + 5u] + table[at + 6u]));
  let from_image = (params.row + group.y) * SIZE * SIZE;
  let to = group.y * SIZE * SIZE;
  for (var i = group.x * 64u + lane; i < SIZE * SIZE; i += params.groups * 64u) {
    let y = i / SIZE;
    let x = i32(i % SIZE) - i32(taps / 2u);
    var sum = vec3f(0.0);
    for (var k = 0u; k < taps; k++) {
      sum += real(weights + k) * image[from_image + y * SIZE + reflected(x + i32(k))].rgb;
    }
    blurred[to + i] = vec4f(sum, 0.0);
  }
}

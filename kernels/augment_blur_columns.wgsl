// image_v[y, x] ← Σ_k weight_v[k] · blurred_v[y + k − radius, x]   the second pass of a Gaussian blur, if the view has one
//
// then solarized and normalised. image [M, SIZE, SIZE] of vec4f, the views of a piece behind `row` others; blurred
// [views, SIZE, SIZE] of vec4f by augment_blur_rows. Workgroups as in augment_rows.
struct Params {
  first: u32, row: u32, groups: u32,
  mean_r: f32, mean_g: f32, mean_b: f32, std_r: f32, std_g: f32, std_b: f32,
}

@group(0) @binding(0) var<storage, read> table: array<i32>;
@group(0) @binding(1) var<storage, read> blurred: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> image: array<vec4f>;
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

fn finished(colour: vec3f, at: u32) -> vec4f {
  var result = colour;
  if (table[at + 18u] != 0) {
    result = select(result, 1.0 - result, result >= vec3f(real(at + 19u)));
  }
  let mean = vec3f(params.mean_r, params.mean_g, params.mean_b);
  return vec4f((result - mean) / vec3f(params.std_r, params.std_g, params.std_b), 0.0);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = u32(table[params.first + group.y]);
  if (at == 0u) {
    return;
  }
  let taps = u32(table[at + 17u]);
  let weights = at + HEADER + SIZE * (2u + u32(table[at + 5u] + table[at + 6u]));
  let from_blurred = group.y * SIZE * SIZE;
  let to = (params.row + group.y) * SIZE * SIZE;
  for (var i = group.x * 64u + lane; i < SIZE * SIZE; i += params.groups * 64u) {
    let y = i32(i / SIZE) - i32(taps / 2u);
    let x = i % SIZE;
    var colour = vec3f(0.0);
    for (var k = 0u; k < taps; k++) {
      colour += real(weights + k) * blurred[from_blurred + reflected(y + i32(k)) * SIZE + x].rgb;
    }
    if (taps == 0u) {
      colour = image[to + i].rgb;
    }
    image[to + i] = finished(colour, at);
  }
}

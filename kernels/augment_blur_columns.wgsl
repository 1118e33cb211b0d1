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

struct Finish { threshold: f32, mean: vec3f, deviation: vec3f }

// Values from the threshold on are inverted; none is if the view is not to be solarized.
fn finish_at(at: u32) -> Finish {
  return Finish(
    select(2.0, bitcast<f32>(table[at + 19u]), table[at + 18u] != 0),
    vec3f(params.mean_r, params.mean_g, params.mean_b),
    vec3f(params.std_r, params.std_g, params.std_b),
  );
}

fn finished(colour: vec3f, finish: Finish) -> vec4f {
  let solarized = select(colour, 1.0 - colour, colour >= vec3f(finish.threshold));
  return vec4f((solarized - finish.mean) / finish.deviation, 0.0);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = u32(table[params.first + group.y]);
  if (at == 0u) {
    return;
  }
  let taps = u32(table[at + 17u]);
  let weights = at + HEADER + SIZE * (2u + u32(table[at + 5u] + table[at + 6u]));
  let finish = finish_at(at);
  let from_blurred = group.y * SIZE * SIZE;
  let to = (params.row + group.y) * SIZE * SIZE;
  let quads = (SIZE + 3u) / 4u;
  for (var i = group.x * 64u + lane; i < SIZE * quads; i += params.groups * 64u) {
    let x = i % SIZE;
    let y = i / SIZE * 4u;
    var s0 = vec3f(0.0);
    var s1 = vec3f(0.0);
    var s2 = vec3f(0.0);
    var s3 = vec3f(0.0);
    var w = vec4f(0.0); // of the pixel in hand, for each of the four sums
    for (var k = 0u; k < select(0u, taps + 3u, taps > 0u); k++) {
      w = vec4f(0.0, w.xyz);
      if (k < taps) {
        w.x = real(weights + k);
      }
      let pixel = blurred[from_blurred + reflected(i32(y + k) - i32(taps / 2u)) * SIZE + x].rgb;
      s0 += w.x * pixel;
      s1 += w.y * pixel;
      s2 += w.z * pixel;
      s3 += w.w * pixel;
    }
    let at_pixel = to + y * SIZE + x;
    image[at_pixel] = finished(select(s0, image[at_pixel].rgb, taps == 0u), finish);
    if (y + 1u < SIZE) {
      image[at_pixel + SIZE] = finished(select(s1, image[at_pixel + SIZE].rgb, taps == 0u), finish);
    }
    if (y + 2u < SIZE) {
      image[at_pixel + 2u * SIZE] = finished(select(s2, image[at_pixel + 2u * SIZE].rgb, taps == 0u), finish);
    }
    if (y + 3u < SIZE) {
      image[at_pixel + 3u * SIZE] = finished(select(s3, image[at_pixel + 3u * SIZE].rgb, taps == 0u), finish);
    }
  }
}

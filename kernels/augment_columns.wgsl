// image_v[y, x] = clamp(⌊(½ + Σ_k weight_v[y, k] · rows_v[first_v[y] + k, x]) / 2²²⌋) / 255   the second pass of a resize
//
// then mirrored if the view is flipped, and, of its colour operations in their order, those before contrast. LAST: there
// are no more passes, so the view is solarized and normalised here.
// image [M, SIZE, SIZE] of vec4f, the views of a piece behind `row` others. partials [views, groups]: sums of the luma, of
// which contrast needs the mean; each workgroup's in a fixed order. Workgroups as in augment_rows.
struct Params {
  first: u32, row: u32, groups: u32,
  mean_r: f32, mean_g: f32, mean_b: f32, std_r: f32, std_g: f32, std_b: f32,
}

@group(0) @binding(0) var<storage, read> rows: array<u32>;
@group(0) @binding(1) var<storage, read> table: array<i32>;
@group(0) @binding(2) var<storage, read_write> image: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

override SIZE: u32;
override LAST: bool;
const HALF = 1 << 21u;
const HEADER = 20u;
const CONTRAST = 1;
const NONE = 4;

var<workgroup> sums: array<f32, 64>;

fn real(at: u32) -> f32 {
  return bitcast<f32>(table[at]);
}

fn luma(colour: vec3f) -> f32 {
  return dot(colour, vec3f(0.2989, 0.587, 0.114));
}

// How far the channels lie below the largest, in units of the chroma; k in sixths of a turn, 0 … 12.
fn fall(k: vec3f) -> vec3f {
  let turned = select(k, k - 6.0, k >= vec3f(6.0));
  return clamp(min(turned, 4.0 - turned), vec3f(0.0), vec3f(1.0));
}

fn turn_hue(colour: vec3f, turns: f32) -> vec3f {
  let value = max(colour.r, max(colour.g, colour.b));
  let chroma = value - min(colour.r, min(colour.g, colour.b));
  if (chroma == 0.0) {
    return colour;
  }
  let difference = (colour.gbr - colour.brg) / chroma;
  var hue = 6.0 * turns;
  if (value == colour.r) {
    hue += difference.r;
  } else if (value == colour.g) {
    hue += 2.0 + difference.g;
  } else {
    hue += 4.0 + difference.b;
  }
  hue -= 6.0 * floor(hue / 6.0);
  return value - chroma * fall(hue + vec3f(5.0, 3.0, 1.0));
}

// Operation `name` of the view whose record is at `at`, numbered as torchvision does.
fn adjust(colour: vec3f, name: i32, at: u32, mean_luma: f32) -> vec3f {
  if (name == 3) {
    return turn_hue(colour, real(at + 15u));
  }
  let factor = real(at + 12u + u32(name));
  var towards = 0.0;
  if (name == CONTRAST) {
    towards = mean_luma;
  } else if (name == 2) {
    towards = luma(colour);
  }
  return clamp(factor * colour + (1.0 - factor) * towards, vec3f(0.0), vec3f(1.0));
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
  let n = select(0u, SIZE * SIZE, at != 0u);
  let rows_at = u32(table[at + 3u]);
  let taps = u32(table[at + 6u]);
  let flip = table[at + 7u] != 0;
  let first = at + HEADER + SIZE + SIZE * u32(table[at + 5u]);
  let weights = first + SIZE;
  var total = 0.0;
  for (var i = group.x * 64u + lane; i < n; i += params.groups * 64u) {
    let y = i / SIZE;
    let x = i % SIZE;
    let from_row = rows_at + u32(table[first + y]) * SIZE + x;
    var sum = vec3i(HALF);
    for (var k = 0u; k < taps; k++) {
      let pixel = rows[from_row + k * SIZE];
      let weight = table[weights + y * taps + k];
      sum += weight * vec3i(vec3u(pixel, pixel >> 8u, pixel >> 16u) & vec3u(255u));
    }
    var colour = vec3f(clamp(sum >> vec3u(22u), vec3i(0), vec3i(255))) / 255.0;
    for (var k = 0u; k < 4u; k++) {
      let name = table[at + 8u + k];
      if (name == CONTRAST || name == NONE) {
        break;
      }
      colour = adjust(colour, name, at, 0.0);
    }
    total += luma(colour);
    let to = ((params.row + group.y) * SIZE + y) * SIZE + select(x, SIZE - 1u - x, flip);
    if (LAST) {
      image[to] = finished(colour, at);
    } else {
      image[to] = vec4f(colour, 0.0);
    }
  }
  if (LAST) {
    return;
  }
  sums[lane] = total;
  workgroupBarrier();
  if (lane == 0u) {
    var all = 0.0;
    for (var i = 0u; i < 64u; i++) {
      all += sums[i];
    }
    partials[group.y * params.groups + group.x] = all;
  }
}

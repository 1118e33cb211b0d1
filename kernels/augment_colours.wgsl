// image_v ← of the view's colour operations contrast and those after it; then grey if the view drops colour
//
// image [M, SIZE, SIZE] of vec4f, changed in place; partials [views, groups]: sums of the luma by augment_columns. LAST:
// there are no more passes, so the view is solarized and normalised here. Workgroups as in augment_rows.
struct Params {
  first: u32, row: u32, groups: u32,
  mean_r: f32, mean_g: f32, mean_b: f32, std_r: f32, std_g: f32, std_b: f32,
}

@group(0) @binding(0) var<storage, read> table: array<i32>;
@group(0) @binding(1) var<storage, read> partials: array<f32>;
@group(0) @binding(2) var<storage, read_write> image: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

override SIZE: u32;
override LAST: bool;
const CONTRAST = 1;
const NONE = 4;

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
  if (at == 0u) {
    return;
  }
  var total = 0.0;
  for (var g = 0u; g < params.groups; g++) {
    total += partials[group.y * params.groups + g];
  }
  let mean_luma = total / f32(SIZE * SIZE);
  let to = (params.row + group.y) * SIZE * SIZE;
  for (var i = group.x * 64u + lane; i < SIZE * SIZE; i += params.groups * 64u) {
    var colour = image[to + i].rgb;
    var begun = false;
    for (var k = 0u; k < 4u; k++) {
      let name = table[at + 8u + k];
      if (name == NONE) {
        break;
      }
      begun = begun || name == CONTRAST;
      if (begun) {
        colour = adjust(colour, name, at, mean_luma);
      }
    }
    if (table[at + 16u] != 0) {
      colour = vec3f(luma(colour));
    }
    if (LAST) {
      image[to + i] = finished(colour, at);
    } else {
      image[to + i] = vec4f(colour, 0.0);
    }
  }
}

// rows_v[y, x] = clamp(⌊(½ + Σ_k weight_v[x, k] · pixels[y, first_v[x] + k]) / 2²²⌋)   the first pass of a resize
//
// For each view v of a piece: the rows of its crop that the second pass needs, [rows of v, PITCH], one after the other
// as the table says. A pixel is a word of four bytes, red first. Weights have 22 fractional bits and sums are integers,
// as in Pillow, so that the result is Pillow's to the bit. An invocation owns a column, whose weights it keeps where an
// image is enlarged and they are four, and every `stride`-th row of it.
struct Params { first: u32, tiles: u32, stride: u32 }

@group(0) @binding(0) var<storage, read> pixels: array<u32>;
@group(0) @binding(1) var<storage, read> table: array<i32>;
@group(0) @binding(2) var<storage, read_write> rows: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

override SIZE: u32;
override PITCH: u32;
const HALF = 1 << 21u;
const HEADER = 20u;

fn bytes(pixel: u32) -> vec3i {
  return vec3i(vec3u(pixel, pixel >> 8u, pixel >> 16u) & vec3u(255u));
}

fn packed(sum: vec3i) -> u32 {
  let byte = vec3u(clamp(sum >> vec3u(22u), vec3i(0), vec3i(255)));
  return byte.r | byte.g << 8u | byte.b << 16u;
}

@compute @workgroup_size(32, 2)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) lane: vec3u) {
  let at = u32(table[params.first + group.y]);
  let x = group.x % params.tiles * 32u + lane.x;
  if (at == 0u || x >= SIZE) {
    return;
  }
  let width = u32(table[at + 2u]);
  let rows_at = u32(table[at + 3u]) + x;
  let n = u32(table[at + 4u]);
  let taps = u32(table[at + 5u]);
  let weights = at + HEADER + SIZE + x * taps;
  let from_pixel = u32(table[at + 1u] + table[at + HEADER + x]);
  let begin = group.x / params.tiles * 2u + lane.y;
  if (taps == 4u) {
    let w0 = table[weights];
    let w1 = table[weights + 1u];
    let w2 = table[weights + 2u];
    let w3 = table[weights + 3u];
    for (var y = begin; y < n; y += params.stride) {
      let at_pixel = from_pixel + y * width;
      rows[rows_at + y * PITCH] = packed(vec3i(HALF)
        + w0 * bytes(pixels[at_pixel]) + w1 * bytes(pixels[at_pixel + 1u])
        + w2 * bytes(pixels[at_pixel + 2u]) + w3 * bytes(pixels[at_pixel + 3u]));
    }
  } else {
    for (var y = begin; y < n; y += params.stride) {
      let at_pixel = from_pixel + y * width;
      var sum = vec3i(HALF);
      for (var k = 0u; k < taps; k++) {
        sum += table[weights + k] * bytes(pixels[at_pixel + k]);
      }
      rows[rows_at + y * PITCH] = packed(sum);
    }
  }
}

// rows_v[y, x] = clamp(⌊(½ + Σ_k weight_v[x, k] · pixels[y, first_v[x] + k]) / 2²²⌋)   the first pass of a resize
//
// For each view v of a piece: the rows of its crop that the second pass needs, [rows of v, SIZE], one after the other
// as the table says. A pixel is a word of four bytes, red first. Weights have 22 fractional bits and sums are integers,
// as in Pillow, so that the result is Pillow's to the bit. A view has `groups` workgroups, which take turns of 64 pixels.
struct Params { first: u32, groups: u32 }

@group(0) @binding(0) var<storage, read> pixels: array<u32>;
@group(0) @binding(1) var<storage, read> table: array<i32>;
@group(0) @binding(2) var<storage, read_write> rows: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

override SIZE: u32;
const HALF = 1 << 21u;
const HEADER = 20u;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = u32(table[params.first + group.y]);
  if (at == 0u) {
    return;
  }
  let pixels_at = u32(table[at + 1u]);
  let width = u32(table[at + 2u]);
  let rows_at = u32(table[at + 3u]);
  let n = u32(table[at + 4u]) * SIZE;
  let taps = u32(table[at + 5u]);
  let first = at + HEADER;
  let weights = first + SIZE;
  for (var i = group.x * 64u + lane; i < n; i += params.groups * 64u) {
    let y = i / SIZE;
    let x = i % SIZE;
    let from_pixel = pixels_at + y * width + u32(table[first + x]);
    var sum = vec3i(HALF);
    for (var k = 0u; k < taps; k++) {
      let pixel = pixels[from_pixel + k];
      let weight = table[weights + x * taps + k];
      sum += weight * vec3i(vec3u(pixel, pixel >> 8u, pixel >> 16u) & vec3u(255u));
    }
    let byte = vec3u(clamp(sum >> vec3u(22u), vec3i(0), vec3i(255)));
    rows[rows_at + i] = byte.r | byte.g << 8u | byte.b << 16u;
  }
}

// blurred_v[y, x] = Σ_k weight_v[k] · image_v[y, x + k − radius]   the first pass of a Gaussian blur, if the view has one
//
// image [M, SIZE, SIZE] of vec4f, the views of a piece after `row` others; blurred [views, SIZE, SIZE] of vec4f. Beyond the
// border the image is reflected, without its last pixel. Workgroups as in resize_columns.
struct Params { first: u32, row: u32, turns: u32 }

@group(0) @binding(0) var<storage, read> table: array<i32>;
@group(0) @binding(1) var<storage, read> image: array<Stored>;
@group(0) @binding(2) var<storage, read_write> blurred: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

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
  let quads = (SIZE + 3u) / 4u;
  // A loop that exits at its end saves llvmpipe an iteration without effect.
  var i = (group.x * 64u + lane / 8u * 8u) * params.turns + lane % 8u;
  let end = min(SIZE * quads, i + 8u * params.turns);
  loop {
    let row = i / quads * SIZE;
    let x = i % quads * 4u;
    var s0 = vec3f(0.0);
    var s1 = vec3f(0.0);
    var s2 = vec3f(0.0);
    var s3 = vec3f(0.0);
    var w = vec4f(0.0); // of the current pixel, for each of the four sums
    var k = 0u;
    loop {
      w = vec4f(select(0.0, real(weights + k), k < taps), w.xyz);
      let pixel = vec4f(image[from_image + row + reflected(i32(x + k) - i32(taps / 2u))]).rgb;
      s0 += w.x * pixel;
      s1 += w.y * pixel;
      s2 += w.z * pixel;
      s3 += w.w * pixel;
      continuing {
        k++;
        break if k >= taps + 3u;
      }
    }
    let at_pixel = to + row + x;
    let within = select(0u, SIZE, i < SIZE * quads);
    if (x < within) {
      blurred[at_pixel] = vec4f(s0, 0.0);
    }
    if (x + 1u < within) {
      blurred[at_pixel + 1u] = vec4f(s1, 0.0);
    }
    if (x + 2u < within) {
      blurred[at_pixel + 2u] = vec4f(s2, 0.0);
    }
    if (x + 3u < within) {
      blurred[at_pixel + 3u] = vec4f(s3, 0.0);
    }
    continuing {
      i += 8u;
      break if i >= end;
    }
  }
}

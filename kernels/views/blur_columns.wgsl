// image_v[y, x] ← Σ_k weight_v[k] · blurred_v[y + k − radius, x]   the second pass of a Gaussian blur, if the view has one
//
// then solarized and normalized, which other views already are. image [M, SIZE, SIZE] of vec4f, the views of a piece after
// `row` others; blurred [views, SIZE, SIZE] of vec4f by blur_rows. An invocation computes four pixels of a column at a time,
// in order as in resize_columns.
struct Params {
  first: u32, row: u32, turns: u32,
  mean_r: f32, mean_g: f32, mean_b: f32, std_r: f32, std_g: f32, std_b: f32,
}

@group(0) @binding(0) var<storage, read> table: array<i32>;
@group(0) @binding(1) var<storage, read> blurred: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> image: array<Result>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = u32(table[params.first + group.y]);
  let taps = u32(table[at + 17u]);
  if (at == 0u || taps == 0u) {
    return;
  }
  let weights = at + HEADER + SIZE * (2u + u32(table[at + 5u] + table[at + 6u]));
  let finish = finish_at(at);
  let from_blurred = group.y * SIZE * SIZE;
  let to = (params.row + group.y) * SIZE * SIZE;
  let total = SIZE * ((SIZE + 3u) / 4u);
  // A loop that exits at its end saves llvmpipe an iteration without effect.
  var i = (group.x * 64u + lane / 8u * 8u) * params.turns + lane % 8u;
  let end = min(total, i + 8u * params.turns);
  loop {
    let x = i % SIZE;
    let y = i / SIZE * 4u;
    var s0 = vec3f(0.0);
    var s1 = vec3f(0.0);
    var s2 = vec3f(0.0);
    var s3 = vec3f(0.0);
    var w = vec4f(0.0); // of the current pixel, for each of the four sums
    var k = 0u;
    loop {
      w = vec4f(select(0.0, real(weights + k), k < taps), w.xyz);
      let pixel = blurred[from_blurred + reflected(i32(y + k) - i32(taps / 2u)) * SIZE + x].rgb;
      s0 += w.x * pixel;
      s1 += w.y * pixel;
      s2 += w.z * pixel;
      s3 += w.w * pixel;
      continuing {
        k++;
        break if k >= taps + 3u;
      }
    }
    let at_pixel = to + y * SIZE + x;
    let within = select(0u, SIZE, i < total);
    if (y < within) {
      image[at_pixel] = Result(finished(s0, finish));
    }
    if (y + 1u < within) {
      image[at_pixel + SIZE] = Result(finished(s1, finish));
    }
    if (y + 2u < within) {
      image[at_pixel + 2u * SIZE] = Result(finished(s2, finish));
    }
    if (y + 3u < within) {
      image[at_pixel + 3u * SIZE] = Result(finished(s3, finish));
    }
    continuing {
      i += 8u;
      break if i >= end;
    }
  }
}

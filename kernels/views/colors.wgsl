// image_v = gray(jitter(resized_v / 255))   the view's color operations in their order, each if the view has it
//
// and mirrored if the view is flipped; solarized and normalized if there is no blur to come. resized and partials by
// resize_columns; image [M, SIZE, SIZE] of vec4f, the views of a piece after `row` others. Workgroups as in resize_columns.
struct Params {
  first: u32, row: u32, groups: u32, turns: u32,
  mean_r: f32, mean_g: f32, mean_b: f32, std_r: f32, std_g: f32, std_b: f32,
}

@group(0) @binding(0) var<storage, read> table: array<i32>;
@group(0) @binding(1) var<storage, read> resized: array<vec4u>;
@group(0) @binding(2) var<storage, read> partials: array<f32>;
@group(0) @binding(3) var<storage, read_write> image: array<Result>;
@group(0) @binding(4) var<uniform> params: Params;

override LANES: u32;

fn stored(color: vec3f, finish: Finish, last: bool) -> vec4f {
  return select(vec4f(color, 0.0), finished(color, finish), last);
}

@compute @workgroup_size(LANES)
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
  let colors = colors_at(at);
  let finish = finish_at(at);
  let flip = table[at + 7u] != 0;
  let last = table[at + 17u] == 0;
  let gray = table[at + 16u] != 0;
  let quads = PITCH / 4u;
  // A loop that exits at its end saves llvmpipe an iteration without effect.
  var i = (group.x * LANES + lane / 8u * 8u) * params.turns + lane % 8u;
  let end = min(SIZE * quads, i + 8u * params.turns);
  loop {
    let bytes = resized[group.y * SIZE * quads + i];
    var pixels = colored(
      Pixels(
        vec4f(bytes & vec4u(255u)) / 255.0,
        vec4f((bytes >> vec4u(8u)) & vec4u(255u)) / 255.0,
        vec4f(bytes >> vec4u(16u)) / 255.0,
      ),
      colors,
      mean_luma,
    );
    if (gray) {
      let value = luma(pixels);
      pixels = Pixels(value, value, value);
    }
    let x = i % quads * 4u;
    let to = ((params.row + group.y) * SIZE + i / quads) * SIZE + select(x, SIZE - 1u - x, flip);
    let step = select(1u, 0xffffffffu, flip);
    let within = select(0u, SIZE, i < SIZE * quads);
    if (x < within) {
      image[to] = Result(stored(vec3f(pixels.r.x, pixels.g.x, pixels.b.x), finish, last));
    }
    if (x + 1u < within) {
      image[to + step] = Result(stored(vec3f(pixels.r.y, pixels.g.y, pixels.b.y), finish, last));
    }
    if (x + 2u < within) {
      image[to + 2u * step] = Result(stored(vec3f(pixels.r.z, pixels.g.z, pixels.b.z), finish, last));
    }
    if (x + 3u < within) {
      image[to + 3u * step] = Result(stored(vec3f(pixels.r.w, pixels.g.w, pixels.b.w), finish, last));
    }
    continuing {
      i += 8u;
      break if i >= end;
    }
  }
}

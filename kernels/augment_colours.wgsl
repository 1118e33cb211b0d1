// image_v = grey(jitter(resized_v / 255))   the view's colour operations in their order, each if the view has it
//
// and mirrored if the view is flipped; solarized and normalised if there is no blur to come. resized and partials by
// augment_columns; image [M, SIZE, SIZE] of vec4f, the views of a piece behind `row` others. Workgroups as in
// augment_columns.
struct Params {
  first: u32, row: u32, groups: u32, turns: u32,
  mean_r: f32, mean_g: f32, mean_b: f32, std_r: f32, std_g: f32, std_b: f32,
}

@group(0) @binding(0) var<storage, read> table: array<i32>;
@group(0) @binding(1) var<storage, read> resized: array<vec4u>;
@group(0) @binding(2) var<storage, read> partials: array<f32>;
@group(0) @binding(3) var<storage, read_write> image: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

override LANES: u32;
override SIZE: u32;
override PITCH: u32;

// The colour operations in the order of the view: three blends, the hue, three blends, most of them without effect. A blend
// is f · colour + (1 − f) · towards; its kind says towards what: black (0), the mean luma (1) or the pixel's own (2).
struct Colours {
  before: vec3f, kinds_before: vec3u,
  after: vec3f, kinds_after: vec3u,
  turns: f32,
}

// Four pixels.
struct Pixels { r: vec4f, g: vec4f, b: vec4f }

fn real(at: u32) -> f32 {
  return bitcast<f32>(table[at]);
}

fn colours_at(at: u32) -> Colours {
  let kinds = vec3u(u32(table[at + 14u])) >> vec3u(0u, 2u, 4u);
  return Colours(
    vec3f(real(at + 8u), real(at + 9u), real(at + 10u)), kinds & vec3u(3u),
    vec3f(real(at + 11u), real(at + 12u), real(at + 13u)), (kinds >> vec3u(6u)) & vec3u(3u),
    real(at + 15u),
  );
}

fn luma(x: Pixels) -> vec4f {
  return 0.2989 * x.r + 0.587 * x.g + 0.114 * x.b;
}

fn blend(x: Pixels, factor: f32, kind: u32, mean_luma: f32) -> Pixels {
  if (factor == 1.0) {
    return x;
  }
  let rest = (1.0 - factor) * select(vec4f(select(0.0, mean_luma, kind == 1u)), luma(x), kind == 2u);
  return Pixels(
    clamp(factor * x.r + rest, vec4f(0.0), vec4f(1.0)),
    clamp(factor * x.g + rest, vec4f(0.0), vec4f(1.0)),
    clamp(factor * x.b + rest, vec4f(0.0), vec4f(1.0)),
  );
}

// How far a channel lies below the largest, in units of the chroma; k in sixths of a turn, 0 … 12.
fn fall(k: vec4f) -> vec4f {
  let turned = select(k, k - 6.0, k >= vec4f(6.0));
  return clamp(min(turned, 4.0 - turned), vec4f(0.0), vec4f(1.0));
}

fn turned_hue(x: Pixels, turns: f32) -> Pixels {
  let value = max(x.r, max(x.g, x.b));
  let chroma = value - min(x.r, min(x.g, x.b));
  let is_red = value == x.r;
  let is_green = value == x.g;
  let across = select(select(x.r - x.g, x.b - x.r, is_green), x.g - x.b, is_red);
  let sector = select(select(vec4f(4.0), vec4f(2.0), is_green), vec4f(0.0), is_red) + across / chroma;
  let wound = 6.0 * turns + sector;
  let hue = wound - 6.0 * floor(wound / 6.0);
  let same = chroma == vec4f(0.0); // grey has no hue
  return Pixels(
    select(value - chroma * fall(hue + 5.0), x.r, same),
    select(value - chroma * fall(hue + 3.0), x.g, same),
    select(value - chroma * fall(hue + 1.0), x.b, same),
  );
}

fn coloured(pixels: Pixels, by: Colours, mean_luma: f32) -> Pixels {
  var x = blend(pixels, by.before.x, by.kinds_before.x, mean_luma);
  x = blend(x, by.before.y, by.kinds_before.y, mean_luma);
  x = blend(x, by.before.z, by.kinds_before.z, mean_luma);
  if (by.turns != 0.0) {
    x = turned_hue(x, by.turns);
  }
  x = blend(x, by.after.x, by.kinds_after.x, mean_luma);
  x = blend(x, by.after.y, by.kinds_after.y, mean_luma);
  return blend(x, by.after.z, by.kinds_after.z, mean_luma);
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

fn stored(colour: vec3f, finish: Finish, last: bool) -> vec4f {
  return select(vec4f(colour, 0.0), finished(colour, finish), last);
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
  let colours = colours_at(at);
  let finish = finish_at(at);
  let flip = table[at + 7u] != 0;
  let last = table[at + 17u] == 0;
  let gray = table[at + 16u] != 0;
  let quads = PITCH / 4u;
  // A loop that is left at its end saves llvmpipe a turn without effect.
  var i = (group.x * LANES + lane / 8u * 8u) * params.turns + lane % 8u;
  let end = min(SIZE * quads, i + 8u * params.turns);
  loop {
    let bytes = resized[group.y * SIZE * quads + i];
    var pixels = coloured(
      Pixels(
        vec4f(bytes & vec4u(255u)) / 255.0,
        vec4f((bytes >> vec4u(8u)) & vec4u(255u)) / 255.0,
        vec4f(bytes >> vec4u(16u)) / 255.0,
      ),
      colours,
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
      image[to] = stored(vec3f(pixels.r.x, pixels.g.x, pixels.b.x), finish, last);
    }
    if (x + 1u < within) {
      image[to + step] = stored(vec3f(pixels.r.y, pixels.g.y, pixels.b.y), finish, last);
    }
    if (x + 2u < within) {
      image[to + 2u * step] = stored(vec3f(pixels.r.z, pixels.g.z, pixels.b.z), finish, last);
    }
    if (x + 3u < within) {
      image[to + 3u * step] = stored(vec3f(pixels.r.w, pixels.g.w, pixels.b.w), finish, last);
    }
    continuing {
      i += 8u;
      break if i >= end;
    }
  }
}

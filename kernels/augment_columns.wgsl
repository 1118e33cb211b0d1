// resized_v[y, x] = clamp(⌊(½ + Σ_k weight_v[y, k] · rows_v[first_v[y] + k, x]) / 2²²⌋)   the second pass of a resize
//
// resized [views, SIZE, PITCH / 4] of four pixels, a word each, of four bytes. partials [views, groups]: of each workgroup
// the sum of the luma after those colour operations that come before contrast, which needs the mean; in a fixed order.
// A view has `groups` workgroups, whose invocations make four neighbouring pixels in each of their turns. Eight lanes stay
// together, and go on where they have stopped: caches of CPUs like that, and GPUs still write whole lines of memory.
struct Params { first: u32, groups: u32, turns: u32 }

@group(0) @binding(0) var<storage, read> rows: array<vec4u>;
@group(0) @binding(1) var<storage, read> table: array<i32>;
@group(0) @binding(2) var<storage, read_write> resized: array<vec4u>;
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

override LANES: u32;
override SIZE: u32;
override PITCH: u32;
const HALF = 1 << 21u;
const HEADER = 20u;

var<workgroup> sums: array<f32, LANES>;

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

// What comes before contrast: the others are given no effect.
fn before_contrast(all: Colours) -> Colours {
  let first = all.kinds_before == vec3u(1u);
  let second = all.kinds_after == vec3u(1u);
  let reached = vec3<bool>(first.x, first.x || first.y, any(first));
  let reached_after = vec3<bool>(reached.z || second.x, reached.z || second.x || second.y, reached.z || any(second));
  return Colours(
    select(all.before, vec3f(1.0), reached), all.kinds_before,
    select(all.after, vec3f(1.0), reached_after), all.kinds_after,
    select(all.turns, 0.0, reached.z),
  );
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = u32(table[params.first + group.y]);
  var total = 0.0;
  if (at != 0u) { // not a return: all must meet at the barrier
    let quads = PITCH / 4u;
    let rows_at = u32(table[at + 3u]) / 4u;
    let taps = u32(table[at + 6u]);
    let first = at + HEADER + SIZE + SIZE * u32(table[at + 5u]);
    let weights = first + SIZE;
    let colours = before_contrast(colours_at(at));
    // A loop that is left at its end saves llvmpipe a turn without effect.
    var i = (group.x * LANES + lane / 8u * 8u) * params.turns + lane % 8u;
    let end = min(SIZE * quads, i + 8u * params.turns);
    loop {
      let y = i / quads;
      let x = i % quads;
      let from_row = rows_at + u32(table[first + y]) * quads + x;
      var r = vec4i(HALF);
      var g = vec4i(HALF);
      var b = vec4i(HALF);
      var k = 0u;
      loop {
        let pixel = rows[from_row + k * quads];
        let weight = table[weights + y * taps + k];
        r += weight * vec4i(pixel & vec4u(255u));
        g += weight * vec4i((pixel >> vec4u(8u)) & vec4u(255u));
        b += weight * vec4i(pixel >> vec4u(16u));
        continuing {
          k++;
          break if k >= taps;
        }
      }
      r = clamp(r >> vec4u(22u), vec4i(0), vec4i(255));
      g = clamp(g >> vec4u(22u), vec4i(0), vec4i(255));
      b = clamp(b >> vec4u(22u), vec4i(0), vec4i(255));
      if (i < SIZE * quads) {
        resized[group.y * SIZE * quads + i] = vec4u(r | (g << vec4u(8u)) | (b << vec4u(16u)));
      }
      let lumas = luma(coloured(Pixels(vec4f(r) / 255.0, vec4f(g) / 255.0, vec4f(b) / 255.0), colours, 0.0));
      let within = vec4<bool>(i < SIZE * quads) & (4u * x + vec4u(0u, 1u, 2u, 3u) < vec4u(SIZE));
      total += dot(select(vec4f(0.0), lumas, within), vec4f(1.0));
      continuing {
        i += 8u;
        break if i >= end;
      }
    }
  }
  sums[lane] = total;
  workgroupBarrier();
  if (lane == 0u) {
    var all = 0.0;
    for (var i = 0u; i < LANES; i++) {
      all += sums[i];
    }
    partials[group.y * params.groups + group.x] = all;
  }
}

// resized_v[y, x] = clamp(⌊(½ + Σ_k weight_v[y, k] · rows_v[first_v[y] + k, x]) / 2²²⌋)   the second pass of a resize
//
// resized [views, SIZE, PITCH / 4] of four pixels, a word each, of four bytes. partials [views, groups]: each workgroup's
// sum of the luma after the color operations that come before contrast, which needs the mean; in a fixed order. A view has
// `groups` workgroups, whose invocations compute four neighboring pixels in each of `turns` iterations. Eight lanes stay
// together and continue behind their pixels: CPU caches benefit, and GPUs still write whole cache lines.
struct Params { first: u32, groups: u32, turns: u32 }

@group(0) @binding(0) var<storage, read> rows: array<vec4u>;
@group(0) @binding(1) var<storage, read> table: array<i32>;
@group(0) @binding(2) var<storage, read_write> resized: array<vec4u>;
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

override LANES: u32;

var<workgroup> sums: array<f32, LANES>;

// The operations before contrast: the others have no effect.
fn before_contrast(all: Colors) -> Colors {
  let first = all.kinds_before == vec3u(1u);
  let second = all.kinds_after == vec3u(1u);
  let reached = vec3<bool>(first.x, first.x || first.y, any(first));
  let reached_after = vec3<bool>(reached.z || second.x, reached.z || second.x || second.y, reached.z || any(second));
  return Colors(
    select(all.before, vec3f(1.0), reached), all.kinds_before,
    select(all.after, vec3f(1.0), reached_after), all.kinds_after,
    select(all.turns, 0.0, reached.z),
  );
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = u32(table[params.first + group.y]);
  var total = 0.0;
  if (at != 0u) { // not a return: all invocations must reach the barrier
    let quads = PITCH / 4u;
    let rows_at = u32(table[at + 3u]) / 4u;
    let taps = u32(table[at + 6u]);
    let first = at + HEADER + SIZE + SIZE * u32(table[at + 5u]);
    let weights = first + SIZE;
    let colors = before_contrast(colors_at(at));
    // A loop that exits at its end saves llvmpipe an iteration without effect.
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
      let lumas = luma(colored(Pixels(vec4f(r) / 255.0, vec4f(g) / 255.0, vec4f(b) / 255.0), colors, 0.0));
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

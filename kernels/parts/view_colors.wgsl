// The color operations of a view, on four pixels at a time.

// In the order of the view: three blends, the hue, three blends, most of them without effect. A blend is
// f · color + (1 − f) · other; its kind names the other: black (0), the mean luma (1) or the pixel's own luma (2).
struct Colors {
  before: vec3f, kinds_before: vec3u,
  after: vec3f, kinds_after: vec3u,
  turns: f32,
}

// Four pixels.
struct Pixels { r: vec4f, g: vec4f, b: vec4f }

fn colors_at(at: u32) -> Colors {
  let kinds = vec3u(u32(table[at + 14u])) >> vec3u(0u, 2u, 4u);
  return Colors(
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
  let same = chroma == vec4f(0.0); // gray has no hue
  return Pixels(
    select(value - chroma * fall(hue + 5.0), x.r, same),
    select(value - chroma * fall(hue + 3.0), x.g, same),
    select(value - chroma * fall(hue + 1.0), x.b, same),
  );
}

fn colored(pixels: Pixels, by: Colors, mean_luma: f32) -> Pixels {
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

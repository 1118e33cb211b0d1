// For dx: the classes of input pixels, and the depth of their sums, in steps of four channels.

// With a stride, an input pixel meets only the taps that match its row and column modulo the stride. So the pixels
// fall into stride² classes by these remainders; a workgroup serves one class and loops over its taps only: r,
// r + stride, … and s, s + stride, …, R and S of them.
struct Class { h: u32, w: u32, rows: u32, columns: u32, r: u32, s: u32, R: u32, S: u32 }

fn class_of(z: u32) -> Class {
  let before = params.stride - 1u;
  let h = z / params.stride;
  let w = z % params.stride;
  let r = (h + params.pad) % params.stride;
  let s = (w + params.pad) % params.stride;
  return Class(
    h, w, (params.H + before - h) / params.stride, (params.W + before - w) / params.stride,
    r, s, (params.R + before - r) / params.stride, (params.S + before - s) / params.stride,
  );
}

// A position in the depth: a tap of the class and four channels. Beyond the end r is R or more.
struct Depth { r: u32, s: u32, k4: u32 }

fn depth_at(class_: Class, d4: u32) -> Depth {
  let tap = d4 / (params.K / 4u);
  let width = max(class_.S, 1u);
  return Depth(tap / width, tap % width, d4 % (params.K / 4u));
}

// A position and the distance to another: carries, where a division would cost more than the loads.
fn plus(class_: Class, at: Depth, way: Depth) -> Depth {
  let k4 = at.k4 + way.k4;
  let next_tap = k4 >= params.K / 4u;
  let s = at.s + way.s + select(0u, 1u, next_tap);
  let next_row = s >= class_.S;
  return Depth(
    at.r + way.r + select(0u, 1u, next_row),
    select(s, s - class_.S, next_row),
    select(k4, k4 - params.K / 4u, next_tap),
  );
}

// For dw: how a tap moves through x from output pixel to output pixel.

// A quadruple of rows of dw belongs to one tap of the window and four channels. The path of that tap through x: its row
// and column in the first window, and what its index gains from one output pixel to the next, beyond the end of a row,
// and beyond the end of an image. Indices count vec4s.
struct Path { row: i32, column: i32, channel: i32, pixel: i32, line: i32, image: i32 }

fn path_of(row4: u32) -> Path {
  let C4 = params.C / 4u;
  let stride = i32(params.stride);
  let W = i32(params.W);
  let line = W - i32(params.Q - 1u) * stride + (stride - 1) * W;
  let image = i32(params.H) * W - i32(params.P - 1u) * stride * W - i32(params.Q - 1u) * stride;
  return Path(
    i32(row4 / C4 / params.S) - i32(params.pad),
    i32(row4 / C4 % params.S) - i32(params.pad),
    i32(row4 % C4),
    stride * i32(C4),
    line * i32(C4),
    image * i32(C4),
  );
}

// An output pixel (p, q) and where its window has the tap. The next one takes neither multiplication nor division, which
// would cost more than the products of a pixel.
struct Walk { p: u32, q: u32, row: i32, column: i32, index: i32 }

fn walk_from(m: u32, path: Path) -> Walk {
  let n = i32(m / (params.P * params.Q));
  let p = m / params.Q % params.P;
  let q = m % params.Q;
  let row = path.row + i32(p * params.stride);
  let column = path.column + i32(q * params.stride);
  let index = ((n * i32(params.H) + row) * i32(params.W) + column) * i32(params.C / 4u) + path.channel;
  return Walk(p, q, row, column, index);
}

fn next(at: Walk, path: Path) -> Walk {
  let line_ends = at.q + 1u == params.Q;
  let image_ends = line_ends && at.p + 1u == params.P;
  return Walk(
    select(at.p + select(0u, 1u, line_ends), 0u, image_ends),
    select(at.q + 1u, 0u, line_ends),
    select(at.row + select(0, i32(params.stride), line_ends), path.row, image_ends),
    select(at.column + i32(params.stride), path.column, line_ends),
    at.index + select(path.pixel, select(path.line, path.image, image_ends), line_ends),
  );
}

// x at the tap, four channels.
fn tap_at(at: Walk) -> vec4f {
  let inside = u32(at.row) < params.H && u32(at.column) < params.W;  // negative values wrap around to large ones
  return select(vec4f(), x_at(u32(select(0, at.index, inside))), inside);
}

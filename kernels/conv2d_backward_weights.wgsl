// dw[r,s,c,k] = Σ_n,p,q  x[n, p·stride + r − pad, q·stride + s − pad, c] · dy[n,p,q,k]
//
// x [N,H,W,C], dy [N,P,Q,K], dw [parts,R,S,C,K]; C and K are multiples of 4.
//
// A sum of outer products. An invocation makes 4 rows (r,s,c) × 4 columns (k) of dw for one part of the pixels;
// neighbouring invocations own neighbouring columns of the same rows.
struct Params {
  N: u32, H: u32, W: u32, C: u32,  // input
  P: u32, Q: u32, K: u32,          // output
  R: u32, S: u32, stride: u32, pad: u32,
  parts: u32,                      // the pixels fall into this many parts, each with a sum of its own
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dw: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

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

// An output pixel (p, q) and where its window has the tap. Walking on takes neither multiplication nor division, which
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
  let inside = u32(at.row) < params.H && u32(at.column) < params.W;  // what is negative is large, too
  return select(vec4f(), x[u32(select(0, at.index, inside))], inside);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let K4 = params.K / 4u;
  let rows4 = params.R * params.S * (params.C / 4u);
  // Neighbouring workgroups have neighbouring parts of the pixels: the tiles change slowest.
  let which = group.x + group.y * groups.x;
  let part = which % params.parts;
  let tile = which / params.parts;
  let id = tile * 64u + lane;
  let row = id / K4;
  if (row >= rows4) {
    return;
  }
  let k4 = id % K4;
  let path = path_of(row);

  var ax = vec4f(); var ay = vec4f(); var az = vec4f(); var aw = vec4f();
  let pixels = params.N * params.P * params.Q;
  let length = (pixels + params.parts - 1u) / params.parts;
  let end = min((part + 1u) * length, pixels);
  var at_x = walk_from(part * length, path);
  for (var m = part * length; m < end; m++) {
    let d = dy[m * K4 + k4];
    let v = tap_at(at_x);
    at_x = next(at_x, path);
    ax += v.x * d; ay += v.y * d; az += v.z * d; aw += v.w * d;
  }
  let at = (part * rows4 + row) * 4u * K4 + k4;
  dw[at] = ax; dw[at + K4] = ay; dw[at + 2u * K4] = az; dw[at + 3u * K4] = aw;
}

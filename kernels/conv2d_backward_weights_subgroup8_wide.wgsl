// dw[r,s,c,k] = Σ_n,p,q  x[n, p·stride + r − pad, q·stride + s − pad, c] · dy[n,p,q,k]
//
// x [N,H,W,C], dy [N,P,Q,K], dw [parts,R,S,C,K]; C and K are multiples of 4.
//
// The kernel for subgroups of 8 lanes with twice as many columns: a workgroup makes 32 rows (r,s,c) × 64 columns (k) of
// dw for one part of the pixels, a lane owns twice 4 columns of all 32 rows. So three loads feed as many products as
// four do in the kernel of 32 columns, which is the better one where 64 would not be filled.
struct Params {
  N: u32, H: u32, W: u32, C: u32,  // input
  P: u32, Q: u32, K: u32,          // output
  R: u32, S: u32, stride: u32, pad: u32,
  parts: u32,                      // the pixels fall into this many parts, each with a sum of its own
}

@group(0) @binding(0) var x: texture_2d<f32>;
@group(0) @binding(1) var dy: texture_2d<f32>;
@group(0) @binding(2) var<storage, read_write> dw: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

fn texel(image: texture_2d<f32>, i: u32) -> vec4f {
  return textureLoad(image, vec2u(i % 1024u, i / 1024u), 0);
}

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
  return select(vec4f(), texel(x, u32(select(0, at.index, inside))), inside);
}

@compute @workgroup_size(8)
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
  let tiles = (K4 + 15u) / 16u;
  let row4 = tile / tiles * 8u;  // first of the 8 quadruples of rows
  let k4 = tile % tiles * 16u + lane;
  let column_d = min(k4, K4 - 1u);
  let column_e = min(k4 + 8u, K4 - 1u);
  let path = path_of(min(row4 + lane, rows4 - 1u));

  var a0x = vec4f(); var a0y = vec4f(); var a0z = vec4f(); var a0w = vec4f();
  var a1x = vec4f(); var a1y = vec4f(); var a1z = vec4f(); var a1w = vec4f();
  var a2x = vec4f(); var a2y = vec4f(); var a2z = vec4f(); var a2w = vec4f();
  var a3x = vec4f(); var a3y = vec4f(); var a3z = vec4f(); var a3w = vec4f();
  var a4x = vec4f(); var a4y = vec4f(); var a4z = vec4f(); var a4w = vec4f();
  var a5x = vec4f(); var a5y = vec4f(); var a5z = vec4f(); var a5w = vec4f();
  var a6x = vec4f(); var a6y = vec4f(); var a6z = vec4f(); var a6w = vec4f();
  var a7x = vec4f(); var a7y = vec4f(); var a7z = vec4f(); var a7w = vec4f();
  var b0x = vec4f(); var b0y = vec4f(); var b0z = vec4f(); var b0w = vec4f();
  var b1x = vec4f(); var b1y = vec4f(); var b1z = vec4f(); var b1w = vec4f();
  var b2x = vec4f(); var b2y = vec4f(); var b2z = vec4f(); var b2w = vec4f();
  var b3x = vec4f(); var b3y = vec4f(); var b3z = vec4f(); var b3w = vec4f();
  var b4x = vec4f(); var b4y = vec4f(); var b4z = vec4f(); var b4w = vec4f();
  var b5x = vec4f(); var b5y = vec4f(); var b5z = vec4f(); var b5w = vec4f();
  var b6x = vec4f(); var b6y = vec4f(); var b6z = vec4f(); var b6w = vec4f();
  var b7x = vec4f(); var b7y = vec4f(); var b7z = vec4f(); var b7w = vec4f();
  let pixels = params.N * params.P * params.Q;
  let length = (pixels + params.parts - 1u) / params.parts;
  let end = min((part + 1u) * length, pixels);
  var at_x = walk_from(part * length, path);
  for (var m = part * length; m < end; m++) {
    let d = texel(dy, m * K4 + column_d);
    let e = texel(dy, m * K4 + column_e);
    let v = tap_at(at_x);
    at_x = next(at_x, path);
    let v0 = subgroupBroadcast(v, 0u);
    a0x += v0.x * d; a0y += v0.y * d; a0z += v0.z * d; a0w += v0.w * d;
    b0x += v0.x * e; b0y += v0.y * e; b0z += v0.z * e; b0w += v0.w * e;
    let v1 = subgroupBroadcast(v, 1u);
    a1x += v1.x * d; a1y += v1.y * d; a1z += v1.z * d; a1w += v1.w * d;
    b1x += v1.x * e; b1y += v1.y * e; b1z += v1.z * e; b1w += v1.w * e;
    let v2 = subgroupBroadcast(v, 2u);
    a2x += v2.x * d; a2y += v2.y * d; a2z += v2.z * d; a2w += v2.w * d;
    b2x += v2.x * e; b2y += v2.y * e; b2z += v2.z * e; b2w += v2.w * e;
    let v3 = subgroupBroadcast(v, 3u);
    a3x += v3.x * d; a3y += v3.y * d; a3z += v3.z * d; a3w += v3.w * d;
    b3x += v3.x * e; b3y += v3.y * e; b3z += v3.z * e; b3w += v3.w * e;
    let v4 = subgroupBroadcast(v, 4u);
    a4x += v4.x * d; a4y += v4.y * d; a4z += v4.z * d; a4w += v4.w * d;
    b4x += v4.x * e; b4y += v4.y * e; b4z += v4.z * e; b4w += v4.w * e;
    let v5 = subgroupBroadcast(v, 5u);
    a5x += v5.x * d; a5y += v5.y * d; a5z += v5.z * d; a5w += v5.w * d;
    b5x += v5.x * e; b5y += v5.y * e; b5z += v5.z * e; b5w += v5.w * e;
    let v6 = subgroupBroadcast(v, 6u);
    a6x += v6.x * d; a6y += v6.y * d; a6z += v6.z * d; a6w += v6.w * d;
    b6x += v6.x * e; b6y += v6.y * e; b6z += v6.z * e; b6w += v6.w * e;
    let v7 = subgroupBroadcast(v, 7u);
    a7x += v7.x * d; a7y += v7.y * d; a7z += v7.z * d; a7w += v7.w * d;
    b7x += v7.x * e; b7y += v7.y * e; b7z += v7.z * e; b7w += v7.w * e;
  }
  let at = (part * rows4 + row4) * 4u * K4 + k4;
  if (row4 + 0u < rows4) {
    if (k4 < K4) {
      dw[at + 0u * K4] = a0x; dw[at + 1u * K4] = a0y; dw[at + 2u * K4] = a0z; dw[at + 3u * K4] = a0w;
    }
    if (k4 + 8u < K4) {
      dw[at + 0u * K4 + 8u] = b0x; dw[at + 1u * K4 + 8u] = b0y; dw[at + 2u * K4 + 8u] = b0z; dw[at + 3u * K4 + 8u] = b0w;
    }
  }
  if (row4 + 1u < rows4) {
    if (k4 < K4) {
      dw[at + 4u * K4] = a1x; dw[at + 5u * K4] = a1y; dw[at + 6u * K4] = a1z; dw[at + 7u * K4] = a1w;
    }
    if (k4 + 8u < K4) {
      dw[at + 4u * K4 + 8u] = b1x; dw[at + 5u * K4 + 8u] = b1y; dw[at + 6u * K4 + 8u] = b1z; dw[at + 7u * K4 + 8u] = b1w;
    }
  }
  if (row4 + 2u < rows4) {
    if (k4 < K4) {
      dw[at + 8u * K4] = a2x; dw[at + 9u * K4] = a2y; dw[at + 10u * K4] = a2z; dw[at + 11u * K4] = a2w;
    }
    if (k4 + 8u < K4) {
      dw[at + 8u * K4 + 8u] = b2x; dw[at + 9u * K4 + 8u] = b2y; dw[at + 10u * K4 + 8u] = b2z; dw[at + 11u * K4 + 8u] = b2w;
    }
  }
  if (row4 + 3u < rows4) {
    if (k4 < K4) {
      dw[at + 12u * K4] = a3x; dw[at + 13u * K4] = a3y; dw[at + 14u * K4] = a3z; dw[at + 15u * K4] = a3w;
    }
    if (k4 + 8u < K4) {
      dw[at + 12u * K4 + 8u] = b3x; dw[at + 13u * K4 + 8u] = b3y; dw[at + 14u * K4 + 8u] = b3z; dw[at + 15u * K4 + 8u] = b3w;
    }
  }
  if (row4 + 4u < rows4) {
    if (k4 < K4) {
      dw[at + 16u * K4] = a4x; dw[at + 17u * K4] = a4y; dw[at + 18u * K4] = a4z; dw[at + 19u * K4] = a4w;
    }
    if (k4 + 8u < K4) {
      dw[at + 16u * K4 + 8u] = b4x; dw[at + 17u * K4 + 8u] = b4y; dw[at + 18u * K4 + 8u] = b4z; dw[at + 19u * K4 + 8u] = b4w;
    }
  }
  if (row4 + 5u < rows4) {
    if (k4 < K4) {
      dw[at + 20u * K4] = a5x; dw[at + 21u * K4] = a5y; dw[at + 22u * K4] = a5z; dw[at + 23u * K4] = a5w;
    }
    if (k4 + 8u < K4) {
      dw[at + 20u * K4 + 8u] = b5x; dw[at + 21u * K4 + 8u] = b5y; dw[at + 22u * K4 + 8u] = b5z; dw[at + 23u * K4 + 8u] = b5w;
    }
  }
  if (row4 + 6u < rows4) {
    if (k4 < K4) {
      dw[at + 24u * K4] = a6x; dw[at + 25u * K4] = a6y; dw[at + 26u * K4] = a6z; dw[at + 27u * K4] = a6w;
    }
    if (k4 + 8u < K4) {
      dw[at + 24u * K4 + 8u] = b6x; dw[at + 25u * K4 + 8u] = b6y; dw[at + 26u * K4 + 8u] = b6z; dw[at + 27u * K4 + 8u] = b6w;
    }
  }
  if (row4 + 7u < rows4) {
    if (k4 < K4) {
      dw[at + 28u * K4] = a7x; dw[at + 29u * K4] = a7y; dw[at + 30u * K4] = a7z; dw[at + 31u * K4] = a7w;
    }
    if (k4 + 8u < K4) {
      dw[at + 28u * K4 + 8u] = b7x; dw[at + 29u * K4 + 8u] = b7y; dw[at + 30u * K4 + 8u] = b7z; dw[at + 31u * K4 + 8u] = b7w;
    }
  }
}

// dw[r,s,c,k] = Σ_n,p,q  x[n, p·stride + r − pad, q·stride + s − pad, c] · dy[n,p,q,k]
//
// x [N,H,W,C], dy [N,P,Q,K], dw [parts,R,S,C,K]; C and K are multiples of 4.
//
// The kernel for subgroups of 8 lanes where there are no more than 16 output channels. A workgroup makes 64 rows (r,s,c)
// × 16 columns (k) of dw for one part of the pixels: a lane owns 4 columns of half the rows. For each pixel a lane loads
// 4 channels of dy and 8 rows of x; the rows are handed round by shuffle.
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

// An output pixel. Walking from one to the next takes no division, which costs more than the products of a pixel.
struct Pixel { n: u32, p: u32, q: u32 }

fn pixel_at(m: u32) -> Pixel {
  return Pixel(m / (params.P * params.Q), m / params.Q % params.P, m % params.Q);
}

fn next(at: Pixel) -> Pixel {
  let row_ends = at.q + 1u == params.Q;
  let image_ends = row_ends && at.p + 1u == params.P;
  return Pixel(
    at.n + select(0u, 1u, image_ends),
    select(at.p + select(0u, 1u, row_ends), 0u, image_ends),
    select(at.q + 1u, 0u, row_ends),
  );
}

// x at tap (r, s) of an output pixel, four channels.
fn patch_at(at: Pixel, r: u32, s: u32, c4: u32) -> vec4f {
  let h = i32(at.p * params.stride + r) - i32(params.pad);
  let v = i32(at.q * params.stride + s) - i32(params.pad);
  let inside = h >= 0 && h < i32(params.H) && v >= 0 && v < i32(params.W);
  let index = ((at.n * params.H + u32(h)) * params.W + u32(v)) * (params.C / 4u) + c4;
  return select(vec4f(), texel(x, select(0u, index, inside)), inside);
}

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let K4 = params.K / 4u;
  let C4 = params.C / 4u;
  let rows4 = params.R * params.S * C4;
  let part = group.x + group.y * groups.x;
  let tiles = (K4 + 3u) / 4u;
  let row4 = group.z / tiles * 16u;  // first of the 16 quadruples of rows
  let half = lane / 4u * 4u;
  let k4 = group.z % tiles * 4u + lane % 4u;
  let column = min(k4, K4 - 1u);
  let row_a = min(row4 + lane, rows4 - 1u);
  let row_b = min(row4 + lane + 8u, rows4 - 1u);

  var a0x = vec4f(); var a0y = vec4f(); var a0z = vec4f(); var a0w = vec4f();
  var a1x = vec4f(); var a1y = vec4f(); var a1z = vec4f(); var a1w = vec4f();
  var a2x = vec4f(); var a2y = vec4f(); var a2z = vec4f(); var a2w = vec4f();
  var a3x = vec4f(); var a3y = vec4f(); var a3z = vec4f(); var a3w = vec4f();
  var a4x = vec4f(); var a4y = vec4f(); var a4z = vec4f(); var a4w = vec4f();
  var a5x = vec4f(); var a5y = vec4f(); var a5z = vec4f(); var a5w = vec4f();
  var a6x = vec4f(); var a6y = vec4f(); var a6z = vec4f(); var a6w = vec4f();
  var a7x = vec4f(); var a7y = vec4f(); var a7z = vec4f(); var a7w = vec4f();
  let pixels = params.N * params.P * params.Q;
  let length = (pixels + params.parts - 1u) / params.parts;
  let end = min((part + 1u) * length, pixels);
  var pixel = pixel_at(part * length);
  for (var m = part * length; m < end; m++) {
    let d = texel(dy, m * K4 + column);
    let va = patch_at(pixel, row_a / C4 / params.S, row_a / C4 % params.S, row_a % C4);
    let vb = patch_at(pixel, row_b / C4 / params.S, row_b / C4 % params.S, row_b % C4);
    pixel = next(pixel);
    let v0 = subgroupShuffle(va, half);
    a0x += v0.x * d; a0y += v0.y * d; a0z += v0.z * d; a0w += v0.w * d;
    let v1 = subgroupShuffle(va, half + 1u);
    a1x += v1.x * d; a1y += v1.y * d; a1z += v1.z * d; a1w += v1.w * d;
    let v2 = subgroupShuffle(va, half + 2u);
    a2x += v2.x * d; a2y += v2.y * d; a2z += v2.z * d; a2w += v2.w * d;
    let v3 = subgroupShuffle(va, half + 3u);
    a3x += v3.x * d; a3y += v3.y * d; a3z += v3.z * d; a3w += v3.w * d;
    let v4 = subgroupShuffle(vb, half);
    a4x += v4.x * d; a4y += v4.y * d; a4z += v4.z * d; a4w += v4.w * d;
    let v5 = subgroupShuffle(vb, half + 1u);
    a5x += v5.x * d; a5y += v5.y * d; a5z += v5.z * d; a5w += v5.w * d;
    let v6 = subgroupShuffle(vb, half + 2u);
    a6x += v6.x * d; a6y += v6.y * d; a6z += v6.z * d; a6w += v6.w * d;
    let v7 = subgroupShuffle(vb, half + 3u);
    a7x += v7.x * d; a7y += v7.y * d; a7z += v7.z * d; a7w += v7.w * d;
  }
  if (part < params.parts && k4 < K4) {
    let first = row4 + half;  // of the lane's quadruples of rows, the other 4 follow 8 later
    let at = part * rows4 * 4u * K4 + k4;
    if (first + 0u < rows4) {
      let row = at + (first + 0u) * 4u * K4;
      dw[row] = a0x; dw[row + K4] = a0y; dw[row + 2u * K4] = a0z; dw[row + 3u * K4] = a0w;
    }
    if (first + 1u < rows4) {
      let row = at + (first + 1u) * 4u * K4;
      dw[row] = a1x; dw[row + K4] = a1y; dw[row + 2u * K4] = a1z; dw[row + 3u * K4] = a1w;
    }
    if (first + 2u < rows4) {
      let row = at + (first + 2u) * 4u * K4;
      dw[row] = a2x; dw[row + K4] = a2y; dw[row + 2u * K4] = a2z; dw[row + 3u * K4] = a2w;
    }
    if (first + 3u < rows4) {
      let row = at + (first + 3u) * 4u * K4;
      dw[row] = a3x; dw[row + K4] = a3y; dw[row + 2u * K4] = a3z; dw[row + 3u * K4] = a3w;
    }
    if (first + 8u < rows4) {
      let row = at + (first + 8u) * 4u * K4;
      dw[row] = a4x; dw[row + K4] = a4y; dw[row + 2u * K4] = a4z; dw[row + 3u * K4] = a4w;
    }
    if (first + 9u < rows4) {
      let row = at + (first + 9u) * 4u * K4;
      dw[row] = a5x; dw[row + K4] = a5y; dw[row + 2u * K4] = a5z; dw[row + 3u * K4] = a5w;
    }
    if (first + 10u < rows4) {
      let row = at + (first + 10u) * 4u * K4;
      dw[row] = a6x; dw[row + K4] = a6y; dw[row + 2u * K4] = a6z; dw[row + 3u * K4] = a6w;
    }
    if (first + 11u < rows4) {
      let row = at + (first + 11u) * 4u * K4;
      dw[row] = a7x; dw[row + K4] = a7y; dw[row + 2u * K4] = a7z; dw[row + 3u * K4] = a7w;
    }
  }
}

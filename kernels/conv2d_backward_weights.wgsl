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
  return select(vec4f(), x[select(0u, index, inside)], inside);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let K4 = params.K / 4u;
  let C4 = params.C / 4u;
  let rows4 = params.R * params.S * C4;
  let part = group.x + group.y * groups.x;
  let id = group.z * 64u + lane;
  let row = id / K4;
  if (part >= params.parts || row >= rows4) {
    return;
  }
  let k4 = id % K4;
  let c4 = row % C4;
  let r = row / C4 / params.S;
  let s = row / C4 % params.S;

  var ax = vec4f(); var ay = vec4f(); var az = vec4f(); var aw = vec4f();
  let pixels = params.N * params.P * params.Q;
  let length = (pixels + params.parts - 1u) / params.parts;
  let end = min((part + 1u) * length, pixels);
  var pixel = pixel_at(part * length);
  for (var m = part * length; m < end; m++) {
    let d = dy[m * K4 + k4];
    let v = patch_at(pixel, r, s, c4);
    pixel = next(pixel);
    ax += v.x * d; ay += v.y * d; az += v.z * d; aw += v.w * d;
  }
  let at = (part * rows4 + row) * 4u * K4 + k4;
  dw[at] = ax; dw[at + K4] = ay; dw[at + 2u * K4] = az; dw[at + 3u * K4] = aw;
}

// dw[r,s,c,k] = Σ_n,p,q  x[n, p·stride + r − pad, q·stride + s − pad, c] · dy[n,p,q,k]
//
// x [N,H,W,C], dy [N,P,Q,K], dw [parts,R,S,C,K]; C and K are multiples of 4.
//
// The kernel for subgroups of 8 lanes for at most 16 output channels. A workgroup computes 64 rows (r,s,c)
// × 16 columns (k) of dw for one part of the pixels: a lane owns 4 columns of half the rows. For each pixel a lane loads
// 4 channels of dy and 8 rows of x; the rows are shared by shuffle.

@group(0) @binding(2) var<storage, read_write> dw: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(8)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let K4 = params.K / 4u;
  let rows4 = params.R * params.S * (params.C / 4u);
  // Neighboring workgroups have neighboring parts of the pixels: tiles vary slowest.
  let which = number_of(group);
  let part = which % params.parts;
  let tile = which / params.parts;
  let tiles = (K4 + 3u) / 4u;
  let row4 = tile / tiles * 16u;  // first of the 16 quadruples of rows
  let half = lane / 4u * 4u;
  let k4 = tile % tiles * 4u + lane % 4u;
  let column = min(k4, K4 - 1u);
  let path_a = path_of(min(row4 + lane, rows4 - 1u));
  let path_b = path_of(min(row4 + lane + 8u, rows4 - 1u));

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
  var at_a = walk_from(part * length, path_a);
  var at_b = walk_from(part * length, path_b);
  for (var m = part * length; m < end; m++) {
    let d = dy_at(m * K4 + column);
    let va = tap_at(at_a);
    let vb = tap_at(at_b);
    at_a = next(at_a, path_a);
    at_b = next(at_b, path_b);
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
  if (k4 < K4) {
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

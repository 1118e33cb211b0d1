// dw[r,s,c,k] = Σ_n,p,q  x[n, p·stride + r − pad, q·stride + s − pad, c] · dy[n,p,q,k]
//
// x [N,H,W,C], dy [N,P,Q,K], dw [parts,R,S,C,K]; C and K are multiples of 4.
//
// A sum of outer products for subgroups of 8 lanes. A workgroup is one subgroup and computes 32 rows (r,s,c) × 32
// columns (k) of dw for one part of the pixels: a lane owns 4 columns of all 32 rows. For each pixel a lane loads 4
// channels of dy and 4 rows of x; the rows are shared by broadcast.

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
  let tiles = (K4 + 7u) / 8u;
  let row4 = tile / tiles * 8u;  // first of the 8 quadruples of rows
  let k4 = tile % tiles * 8u + lane;
  let column = min(k4, K4 - 1u);
  let path = path_of(min(row4 + lane, rows4 - 1u));

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
  var at_x = walk_from(part * length, path);
  // Four pixels per iteration: the sums, more than a CPU has registers for, are loaded and stored once for all four. Each is
  // added in order, and those beyond the end are zeros.
  for (var m = part * length; m < end; m += 4u) {
    let has1 = m + 1u < end;
    let has2 = m + 2u < end;
    let has3 = m + 3u < end;
    let d0 = dy_at(m * K4 + column);
    let d1 = select(vec4f(), dy_at(select(m, m + 1u, has1) * K4 + column), has1);
    let d2 = select(vec4f(), dy_at(select(m, m + 2u, has2) * K4 + column), has2);
    let d3 = select(vec4f(), dy_at(select(m, m + 3u, has3) * K4 + column), has3);
    let v0 = tap_at(at_x);
    at_x = next(at_x, path);
    let v1 = select(vec4f(), tap_at(at_x), has1);
    at_x = next(at_x, path);
    let v2 = select(vec4f(), tap_at(at_x), has2);
    at_x = next(at_x, path);
    let v3 = select(vec4f(), tap_at(at_x), has3);
    at_x = next(at_x, path);
    let v0_0 = subgroupBroadcast(v0, 0u); let v1_0 = subgroupBroadcast(v1, 0u);
    let v2_0 = subgroupBroadcast(v2, 0u); let v3_0 = subgroupBroadcast(v3, 0u);
    a0x += v0_0.x * d0; a0x += v1_0.x * d1; a0x += v2_0.x * d2; a0x += v3_0.x * d3;
    a0y += v0_0.y * d0; a0y += v1_0.y * d1; a0y += v2_0.y * d2; a0y += v3_0.y * d3;
    a0z += v0_0.z * d0; a0z += v1_0.z * d1; a0z += v2_0.z * d2; a0z += v3_0.z * d3;
    a0w += v0_0.w * d0; a0w += v1_0.w * d1; a0w += v2_0.w * d2; a0w += v3_0.w * d3;
    let v0_1 = subgroupBroadcast(v0, 1u); let v1_1 = subgroupBroadcast(v1, 1u);
    let v2_1 = subgroupBroadcast(v2, 1u); let v3_1 = subgroupBroadcast(v3, 1u);
    a1x += v0_1.x * d0; a1x += v1_1.x * d1; a1x += v2_1.x * d2; a1x += v3_1.x * d3;
    a1y += v0_1.y * d0; a1y += v1_1.y * d1; a1y += v2_1.y * d2; a1y += v3_1.y * d3;
    a1z += v0_1.z * d0; a1z += v1_1.z * d1; a1z += v2_1.z * d2; a1z += v3_1.z * d3;
    a1w += v0_1.w * d0; a1w += v1_1.w * d1; a1w += v2_1.w * d2; a1w += v3_1.w * d3;
    let v0_2 = subgroupBroadcast(v0, 2u); let v1_2 = subgroupBroadcast(v1, 2u);
    let v2_2 = subgroupBroadcast(v2, 2u); let v3_2 = subgroupBroadcast(v3, 2u);
    a2x += v0_2.x * d0; a2x += v1_2.x * d1; a2x += v2_2.x * d2; a2x += v3_2.x * d3;
    a2y += v0_2.y * d0; a2y += v1_2.y * d1; a2y += v2_2.y * d2; a2y += v3_2.y * d3;
    a2z += v0_2.z * d0; a2z += v1_2.z * d1; a2z += v2_2.z * d2; a2z += v3_2.z * d3;
    a2w += v0_2.w * d0; a2w += v1_2.w * d1; a2w += v2_2.w * d2; a2w += v3_2.w * d3;
    let v0_3 = subgroupBroadcast(v0, 3u); let v1_3 = subgroupBroadcast(v1, 3u);
    let v2_3 = subgroupBroadcast(v2, 3u); let v3_3 = subgroupBroadcast(v3, 3u);
    a3x += v0_3.x * d0; a3x += v1_3.x * d1; a3x += v2_3.x * d2; a3x += v3_3.x * d3;
    a3y += v0_3.y * d0; a3y += v1_3.y * d1; a3y += v2_3.y * d2; a3y += v3_3.y * d3;
    a3z += v0_3.z * d0; a3z += v1_3.z * d1; a3z += v2_3.z * d2; a3z += v3_3.z * d3;
    a3w += v0_3.w * d0; a3w += v1_3.w * d1; a3w += v2_3.w * d2; a3w += v3_3.w * d3;
    let v0_4 = subgroupBroadcast(v0, 4u); let v1_4 = subgroupBroadcast(v1, 4u);
    let v2_4 = subgroupBroadcast(v2, 4u); let v3_4 = subgroupBroadcast(v3, 4u);
    a4x += v0_4.x * d0; a4x += v1_4.x * d1; a4x += v2_4.x * d2; a4x += v3_4.x * d3;
    a4y += v0_4.y * d0; a4y += v1_4.y * d1; a4y += v2_4.y * d2; a4y += v3_4.y * d3;
    a4z += v0_4.z * d0; a4z += v1_4.z * d1; a4z += v2_4.z * d2; a4z += v3_4.z * d3;
    a4w += v0_4.w * d0; a4w += v1_4.w * d1; a4w += v2_4.w * d2; a4w += v3_4.w * d3;
    let v0_5 = subgroupBroadcast(v0, 5u); let v1_5 = subgroupBroadcast(v1, 5u);
    let v2_5 = subgroupBroadcast(v2, 5u); let v3_5 = subgroupBroadcast(v3, 5u);
    a5x += v0_5.x * d0; a5x += v1_5.x * d1; a5x += v2_5.x * d2; a5x += v3_5.x * d3;
    a5y += v0_5.y * d0; a5y += v1_5.y * d1; a5y += v2_5.y * d2; a5y += v3_5.y * d3;
    a5z += v0_5.z * d0; a5z += v1_5.z * d1; a5z += v2_5.z * d2; a5z += v3_5.z * d3;
    a5w += v0_5.w * d0; a5w += v1_5.w * d1; a5w += v2_5.w * d2; a5w += v3_5.w * d3;
    let v0_6 = subgroupBroadcast(v0, 6u); let v1_6 = subgroupBroadcast(v1, 6u);
    let v2_6 = subgroupBroadcast(v2, 6u); let v3_6 = subgroupBroadcast(v3, 6u);
    a6x += v0_6.x * d0; a6x += v1_6.x * d1; a6x += v2_6.x * d2; a6x += v3_6.x * d3;
    a6y += v0_6.y * d0; a6y += v1_6.y * d1; a6y += v2_6.y * d2; a6y += v3_6.y * d3;
    a6z += v0_6.z * d0; a6z += v1_6.z * d1; a6z += v2_6.z * d2; a6z += v3_6.z * d3;
    a6w += v0_6.w * d0; a6w += v1_6.w * d1; a6w += v2_6.w * d2; a6w += v3_6.w * d3;
    let v0_7 = subgroupBroadcast(v0, 7u); let v1_7 = subgroupBroadcast(v1, 7u);
    let v2_7 = subgroupBroadcast(v2, 7u); let v3_7 = subgroupBroadcast(v3, 7u);
    a7x += v0_7.x * d0; a7x += v1_7.x * d1; a7x += v2_7.x * d2; a7x += v3_7.x * d3;
    a7y += v0_7.y * d0; a7y += v1_7.y * d1; a7y += v2_7.y * d2; a7y += v3_7.y * d3;
    a7z += v0_7.z * d0; a7z += v1_7.z * d1; a7z += v2_7.z * d2; a7z += v3_7.z * d3;
    a7w += v0_7.w * d0; a7w += v1_7.w * d1; a7w += v2_7.w * d2; a7w += v3_7.w * d3;
  }
  if (k4 < K4) {
    let at = (part * rows4 + row4) * 4u * K4 + k4;
    if (row4 + 0u < rows4) {
      dw[at + 0u * K4] = a0x; dw[at + 1u * K4] = a0y; dw[at + 2u * K4] = a0z; dw[at + 3u * K4] = a0w;
    }
    if (row4 + 1u < rows4) {
      dw[at + 4u * K4] = a1x; dw[at + 5u * K4] = a1y; dw[at + 6u * K4] = a1z; dw[at + 7u * K4] = a1w;
    }
    if (row4 + 2u < rows4) {
      dw[at + 8u * K4] = a2x; dw[at + 9u * K4] = a2y; dw[at + 10u * K4] = a2z; dw[at + 11u * K4] = a2w;
    }
    if (row4 + 3u < rows4) {
      dw[at + 12u * K4] = a3x; dw[at + 13u * K4] = a3y; dw[at + 14u * K4] = a3z; dw[at + 15u * K4] = a3w;
    }
    if (row4 + 4u < rows4) {
      dw[at + 16u * K4] = a4x; dw[at + 17u * K4] = a4y; dw[at + 18u * K4] = a4z; dw[at + 19u * K4] = a4w;
    }
    if (row4 + 5u < rows4) {
      dw[at + 20u * K4] = a5x; dw[at + 21u * K4] = a5y; dw[at + 22u * K4] = a5z; dw[at + 23u * K4] = a5w;
    }
    if (row4 + 6u < rows4) {
      dw[at + 24u * K4] = a6x; dw[at + 25u * K4] = a6y; dw[at + 26u * K4] = a6z; dw[at + 27u * K4] = a6w;
    }
    if (row4 + 7u < rows4) {
      dw[at + 28u * K4] = a7x; dw[at + 29u * K4] = a7y; dw[at + 30u * K4] = a7z; dw[at + 31u * K4] = a7w;
    }
  }
}

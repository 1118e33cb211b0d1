// y[n,p,q,k] = Σ_r,s,c  x[n, p·stride + r − pad, q·stride + s − pad, c] · w[r,s,c,k] (+ bias[k])
//
// x [N,H,W,C], w [R,S,C,K], bias [K], y [N,P,Q,K]; C and K are multiples of 4. Without BIAS, w is bound in its place.
//
// The kernel for subgroups of 8 lanes with twice as many channels: a workgroup computes 32 output pixels × 64 output
// channels, a lane owns two times 4 channels of all 32 pixels. So 12 loads feed as many products as 16 do in the kernel of 32
// channels, which is better where 64 would not be filled.

@group(0) @binding(0) var x: texture_2d<f32>;
@group(0) @binding(1) var w: texture_2d<f32>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<Result>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(8)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let K4 = params.K / 4u;
  let first = number_of(group) * 32u;
  let k4 = group.id.z * 16u + lane;
  let column_b = min(k4, K4 - 1u);
  let column_c = min(k4 + 8u, K4 - 1u);
  let at0 = window(first + 0u + lane);
  let at1 = window(first + 8u + lane);
  let at2 = window(first + 16u + lane);
  let at3 = window(first + 24u + lane);
  let begin_a = start(column_b);
  let begin_b = start(column_c);
  var a0 = begin_a; var a1 = begin_a; var a2 = begin_a; var a3 = begin_a; var a4 = begin_a; var a5 = begin_a; var a6 = begin_a; var a7 = begin_a;
  var a8 = begin_a; var a9 = begin_a; var a10 = begin_a; var a11 = begin_a; var a12 = begin_a; var a13 = begin_a; var a14 = begin_a; var a15 = begin_a;
  var a16 = begin_a; var a17 = begin_a; var a18 = begin_a; var a19 = begin_a; var a20 = begin_a; var a21 = begin_a; var a22 = begin_a; var a23 = begin_a;
  var a24 = begin_a; var a25 = begin_a; var a26 = begin_a; var a27 = begin_a; var a28 = begin_a; var a29 = begin_a; var a30 = begin_a; var a31 = begin_a;
  var b0 = begin_b; var b1 = begin_b; var b2 = begin_b; var b3 = begin_b; var b4 = begin_b; var b5 = begin_b; var b6 = begin_b; var b7 = begin_b;
  var b8 = begin_b; var b9 = begin_b; var b10 = begin_b; var b11 = begin_b; var b12 = begin_b; var b13 = begin_b; var b14 = begin_b; var b15 = begin_b;
  var b16 = begin_b; var b17 = begin_b; var b18 = begin_b; var b19 = begin_b; var b20 = begin_b; var b21 = begin_b; var b22 = begin_b; var b23 = begin_b;
  var b24 = begin_b; var b25 = begin_b; var b26 = begin_b; var b27 = begin_b; var b28 = begin_b; var b29 = begin_b; var b30 = begin_b; var b31 = begin_b;
  for (var r = 0u; r < params.R; r++) {
    for (var s = 0u; s < params.S; s++) {
      let t0 = tap(at0, r, s);
      let t1 = tap(at1, r, s);
      let t2 = tap(at2, r, s);
      let t3 = tap(at3, r, s);
      var at_b = params.w_at + (r * params.S + s) * params.C * K4 + column_b;
      var at_c = params.w_at + (r * params.S + s) * params.C * K4 + column_c;
      for (var c4 = 0u; c4 < params.C / 4u; c4++) {
        let b = mat4x4f(texel(w, at_b), texel(w, at_b + K4), texel(w, at_b + 2u * K4), texel(w, at_b + 3u * K4));
        at_b += 4u * K4;
        let c = mat4x4f(texel(w, at_c), texel(w, at_c + K4), texel(w, at_c + 2u * K4), texel(w, at_c + 3u * K4));
        at_c += 4u * K4;
        let x0 = select(vec4f(), texel(x, t0.index + c4), t0.inside);
        let x1 = select(vec4f(), texel(x, t1.index + c4), t1.inside);
        let x2 = select(vec4f(), texel(x, t2.index + c4), t2.inside);
        let x3 = select(vec4f(), texel(x, t3.index + c4), t3.inside);
        let v0 = subgroupBroadcast(x0, 0u);
        a0 += b * v0; b0 += c * v0;
        let v1 = subgroupBroadcast(x0, 1u);
        a1 += b * v1; b1 += c * v1;
        let v2 = subgroupBroadcast(x0, 2u);
        a2 += b * v2; b2 += c * v2;
        let v3 = subgroupBroadcast(x0, 3u);
        a3 += b * v3; b3 += c * v3;
        let v4 = subgroupBroadcast(x0, 4u);
        a4 += b * v4; b4 += c * v4;
        let v5 = subgroupBroadcast(x0, 5u);
        a5 += b * v5; b5 += c * v5;
        let v6 = subgroupBroadcast(x0, 6u);
        a6 += b * v6; b6 += c * v6;
        let v7 = subgroupBroadcast(x0, 7u);
        a7 += b * v7; b7 += c * v7;
        let v8 = subgroupBroadcast(x1, 0u);
        a8 += b * v8; b8 += c * v8;
        let v9 = subgroupBroadcast(x1, 1u);
        a9 += b * v9; b9 += c * v9;
        let v10 = subgroupBroadcast(x1, 2u);
        a10 += b * v10; b10 += c * v10;
        let v11 = subgroupBroadcast(x1, 3u);
        a11 += b * v11; b11 += c * v11;
        let v12 = subgroupBroadcast(x1, 4u);
        a12 += b * v12; b12 += c * v12;
        let v13 = subgroupBroadcast(x1, 5u);
        a13 += b * v13; b13 += c * v13;
        let v14 = subgroupBroadcast(x1, 6u);
        a14 += b * v14; b14 += c * v14;
        let v15 = subgroupBroadcast(x1, 7u);
        a15 += b * v15; b15 += c * v15;
        let v16 = subgroupBroadcast(x2, 0u);
        a16 += b * v16; b16 += c * v16;
        let v17 = subgroupBroadcast(x2, 1u);
        a17 += b * v17; b17 += c * v17;
        let v18 = subgroupBroadcast(x2, 2u);
        a18 += b * v18; b18 += c * v18;
        let v19 = subgroupBroadcast(x2, 3u);
        a19 += b * v19; b19 += c * v19;
        let v20 = subgroupBroadcast(x2, 4u);
        a20 += b * v20; b20 += c * v20;
        let v21 = subgroupBroadcast(x2, 5u);
        a21 += b * v21; b21 += c * v21;
        let v22 = subgroupBroadcast(x2, 6u);
        a22 += b * v22; b22 += c * v22;
        let v23 = subgroupBroadcast(x2, 7u);
        a23 += b * v23; b23 += c * v23;
        let v24 = subgroupBroadcast(x3, 0u);
        a24 += b * v24; b24 += c * v24;
        let v25 = subgroupBroadcast(x3, 1u);
        a25 += b * v25; b25 += c * v25;
        let v26 = subgroupBroadcast(x3, 2u);
        a26 += b * v26; b26 += c * v26;
        let v27 = subgroupBroadcast(x3, 3u);
        a27 += b * v27; b27 += c * v27;
        let v28 = subgroupBroadcast(x3, 4u);
        a28 += b * v28; b28 += c * v28;
        let v29 = subgroupBroadcast(x3, 5u);
        a29 += b * v29; b29 += c * v29;
        let v30 = subgroupBroadcast(x3, 6u);
        a30 += b * v30; b30 += c * v30;
        let v31 = subgroupBroadcast(x3, 7u);
        a31 += b * v31; b31 += c * v31;
      }
    }
  }
  store(first + 0u, k4, a0);
  store(first + 0u, k4 + 8u, b0);
  store(first + 1u, k4, a1);
  store(first + 1u, k4 + 8u, b1);
  store(first + 2u, k4, a2);
  store(first + 2u, k4 + 8u, b2);
  store(first + 3u, k4, a3);
  store(first + 3u, k4 + 8u, b3);
  store(first + 4u, k4, a4);
  store(first + 4u, k4 + 8u, b4);
  store(first + 5u, k4, a5);
  store(first + 5u, k4 + 8u, b5);
  store(first + 6u, k4, a6);
  store(first + 6u, k4 + 8u, b6);
  store(first + 7u, k4, a7);
  store(first + 7u, k4 + 8u, b7);
  store(first + 8u, k4, a8);
  store(first + 8u, k4 + 8u, b8);
  store(first + 9u, k4, a9);
  store(first + 9u, k4 + 8u, b9);
  store(first + 10u, k4, a10);
  store(first + 10u, k4 + 8u, b10);
  store(first + 11u, k4, a11);
  store(first + 11u, k4 + 8u, b11);
  store(first + 12u, k4, a12);
  store(first + 12u, k4 + 8u, b12);
  store(first + 13u, k4, a13);
  store(first + 13u, k4 + 8u, b13);
  store(first + 14u, k4, a14);
  store(first + 14u, k4 + 8u, b14);
  store(first + 15u, k4, a15);
  store(first + 15u, k4 + 8u, b15);
  store(first + 16u, k4, a16);
  store(first + 16u, k4 + 8u, b16);
  store(first + 17u, k4, a17);
  store(first + 17u, k4 + 8u, b17);
  store(first + 18u, k4, a18);
  store(first + 18u, k4 + 8u, b18);
  store(first + 19u, k4, a19);
  store(first + 19u, k4 + 8u, b19);
  store(first + 20u, k4, a20);
  store(first + 20u, k4 + 8u, b20);
  store(first + 21u, k4, a21);
  store(first + 21u, k4 + 8u, b21);
  store(first + 22u, k4, a22);
  store(first + 22u, k4 + 8u, b22);
  store(first + 23u, k4, a23);
  store(first + 23u, k4 + 8u, b23);
  store(first + 24u, k4, a24);
  store(first + 24u, k4 + 8u, b24);
  store(first + 25u, k4, a25);
  store(first + 25u, k4 + 8u, b25);
  store(first + 26u, k4, a26);
  store(first + 26u, k4 + 8u, b26);
  store(first + 27u, k4, a27);
  store(first + 27u, k4 + 8u, b27);
  store(first + 28u, k4, a28);
  store(first + 28u, k4 + 8u, b28);
  store(first + 29u, k4, a29);
  store(first + 29u, k4 + 8u, b29);
  store(first + 30u, k4, a30);
  store(first + 30u, k4 + 8u, b30);
  store(first + 31u, k4, a31);
  store(first + 31u, k4 + 8u, b31);
}

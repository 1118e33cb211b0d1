// y[n,p,q,k] = Σ_r,s,c  x[n, p·stride + r − pad, q·stride + s − pad, c] · w[r,s,c,k] (+ bias[k])
//
// x [N,H,W,C], w [R,S,C,K], bias [K], y [N,P,Q,K]; C and K are multiples of 4. Without BIAS, w is bound in its place.
//
// An implicit matrix product for subgroups of 8 lanes. A workgroup is one subgroup and computes 32 output pixels × 32
// output channels: a lane owns 4 channels (k = k0 … k0 + 3) of all 32 pixels. Each lane loads 4 channels of 4 pixels
// of x; the subgroup shares them by broadcast, so that a loaded x serves 32 channels and a loaded w 32 pixels.
// On a CPU that emulates a GPU, a load costs as much as a hundred multiplications, which determines the tile.

@group(0) @binding(0) var x: texture_2d<f32>;
@group(0) @binding(1) var w: texture_2d<f32>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<Result>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(8)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let K4 = params.K / 4u;
  let first = number_of(group) * 32u;
  let k4 = group.id.z * 8u + lane;
  let column = min(k4, K4 - 1u);
  let at0 = window(first + 0u + lane);
  let at1 = window(first + 8u + lane);
  let at2 = window(first + 16u + lane);
  let at3 = window(first + 24u + lane);
  let begin = start(column);
  var a0 = begin; var a1 = begin; var a2 = begin; var a3 = begin; var a4 = begin; var a5 = begin; var a6 = begin; var a7 = begin;
  var a8 = begin; var a9 = begin; var a10 = begin; var a11 = begin; var a12 = begin; var a13 = begin; var a14 = begin; var a15 = begin;
  var a16 = begin; var a17 = begin; var a18 = begin; var a19 = begin; var a20 = begin; var a21 = begin; var a22 = begin; var a23 = begin;
  var a24 = begin; var a25 = begin; var a26 = begin; var a27 = begin; var a28 = begin; var a29 = begin; var a30 = begin; var a31 = begin;
  for (var r = 0u; r < params.R; r++) {
    for (var s = 0u; s < params.S; s++) {
      let t0 = tap(at0, r, s);
      let t1 = tap(at1, r, s);
      let t2 = tap(at2, r, s);
      let t3 = tap(at3, r, s);
      var at = params.w_at + (r * params.S + s) * params.C * K4 + column;
      for (var c4 = 0u; c4 < params.C / 4u; c4++) {
        let b = mat4x4f(texel(w, at), texel(w, at + K4), texel(w, at + 2u * K4), texel(w, at + 3u * K4));
        at += 4u * K4;
        let x0 = select(vec4f(), texel(x, t0.index + c4), t0.inside);
        let x1 = select(vec4f(), texel(x, t1.index + c4), t1.inside);
        let x2 = select(vec4f(), texel(x, t2.index + c4), t2.inside);
        let x3 = select(vec4f(), texel(x, t3.index + c4), t3.inside);
        a0 += b * subgroupBroadcast(x0, 0u);
        a1 += b * subgroupBroadcast(x0, 1u);
        a2 += b * subgroupBroadcast(x0, 2u);
        a3 += b * subgroupBroadcast(x0, 3u);
        a4 += b * subgroupBroadcast(x0, 4u);
        a5 += b * subgroupBroadcast(x0, 5u);
        a6 += b * subgroupBroadcast(x0, 6u);
        a7 += b * subgroupBroadcast(x0, 7u);
        a8 += b * subgroupBroadcast(x1, 0u);
        a9 += b * subgroupBroadcast(x1, 1u);
        a10 += b * subgroupBroadcast(x1, 2u);
        a11 += b * subgroupBroadcast(x1, 3u);
        a12 += b * subgroupBroadcast(x1, 4u);
        a13 += b * subgroupBroadcast(x1, 5u);
        a14 += b * subgroupBroadcast(x1, 6u);
        a15 += b * subgroupBroadcast(x1, 7u);
        a16 += b * subgroupBroadcast(x2, 0u);
        a17 += b * subgroupBroadcast(x2, 1u);
        a18 += b * subgroupBroadcast(x2, 2u);
        a19 += b * subgroupBroadcast(x2, 3u);
        a20 += b * subgroupBroadcast(x2, 4u);
        a21 += b * subgroupBroadcast(x2, 5u);
        a22 += b * subgroupBroadcast(x2, 6u);
        a23 += b * subgroupBroadcast(x2, 7u);
        a24 += b * subgroupBroadcast(x3, 0u);
        a25 += b * subgroupBroadcast(x3, 1u);
        a26 += b * subgroupBroadcast(x3, 2u);
        a27 += b * subgroupBroadcast(x3, 3u);
        a28 += b * subgroupBroadcast(x3, 4u);
        a29 += b * subgroupBroadcast(x3, 5u);
        a30 += b * subgroupBroadcast(x3, 6u);
        a31 += b * subgroupBroadcast(x3, 7u);
      }
    }
  }
  store(first + 0u, k4, a0);
  store(first + 1u, k4, a1);
  store(first + 2u, k4, a2);
  store(first + 3u, k4, a3);
  store(first + 4u, k4, a4);
  store(first + 5u, k4, a5);
  store(first + 6u, k4, a6);
  store(first + 7u, k4, a7);
  store(first + 8u, k4, a8);
  store(first + 9u, k4, a9);
  store(first + 10u, k4, a10);
  store(first + 11u, k4, a11);
  store(first + 12u, k4, a12);
  store(first + 13u, k4, a13);
  store(first + 14u, k4, a14);
  store(first + 15u, k4, a15);
  store(first + 16u, k4, a16);
  store(first + 17u, k4, a17);
  store(first + 18u, k4, a18);
  store(first + 19u, k4, a19);
  store(first + 20u, k4, a20);
  store(first + 21u, k4, a21);
  store(first + 22u, k4, a22);
  store(first + 23u, k4, a23);
  store(first + 24u, k4, a24);
  store(first + 25u, k4, a25);
  store(first + 26u, k4, a26);
  store(first + 27u, k4, a27);
  store(first + 28u, k4, a28);
  store(first + 29u, k4, a29);
  store(first + 30u, k4, a30);
  store(first + 31u, k4, a31);
}

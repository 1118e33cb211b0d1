// y[n,p,q,k] = Σ_r,s,c  x[n, p·stride + r − pad, q·stride + s − pad, c] · w[r,s,c,k] (+ bias[k])
//
// x [N,H,W,C], w [R,S,C,K], bias [K], y [N,P,Q,K]; C and K are multiples of 4. Without BIAS, w is bound in its place.
//
// The kernel for subgroups of 8 lanes for at most 16 output channels, of which the wider one would leave
// half its lanes idle. A workgroup computes 64 output pixels × 16 channels: a lane owns 4 channels of half the pixels, the
// first or the second 4 of every 8. Each lane loads 4 channels of 8 pixels of x; the halves share them by shuffle.

@group(0) @binding(0) var x: texture_2d<f32>;
@group(0) @binding(1) var w: texture_2d<f32>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<Result>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(8)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let K4 = params.K / 4u;
  let first = number_of(group) * 64u;
  let half = lane / 4u * 4u;
  let k4 = group.id.z * 4u + lane % 4u;
  let column = min(k4, K4 - 1u);
  let at0 = window(first + 0u + lane);
  let at1 = window(first + 8u + lane);
  let at2 = window(first + 16u + lane);
  let at3 = window(first + 24u + lane);
  let at4 = window(first + 32u + lane);
  let at5 = window(first + 40u + lane);
  let at6 = window(first + 48u + lane);
  let at7 = window(first + 56u + lane);
  let begin = start(column);
  var a0 = begin; var a1 = begin; var a2 = begin; var a3 = begin;
  var a4 = begin; var a5 = begin; var a6 = begin; var a7 = begin;
  var a8 = begin; var a9 = begin; var a10 = begin; var a11 = begin;
  var a12 = begin; var a13 = begin; var a14 = begin; var a15 = begin;
  var a16 = begin; var a17 = begin; var a18 = begin; var a19 = begin;
  var a20 = begin; var a21 = begin; var a22 = begin; var a23 = begin;
  var a24 = begin; var a25 = begin; var a26 = begin; var a27 = begin;
  var a28 = begin; var a29 = begin; var a30 = begin; var a31 = begin;
  for (var r = 0u; r < params.R; r++) {
    for (var s = 0u; s < params.S; s++) {
      let t0 = tap(at0, r, s);
      let t1 = tap(at1, r, s);
      let t2 = tap(at2, r, s);
      let t3 = tap(at3, r, s);
      let t4 = tap(at4, r, s);
      let t5 = tap(at5, r, s);
      let t6 = tap(at6, r, s);
      let t7 = tap(at7, r, s);
      var at = params.w_at + (r * params.S + s) * params.C * K4 + column;
      for (var c4 = 0u; c4 < params.C / 4u; c4++) {
        let b = mat4x4f(texel(w, at), texel(w, at + K4), texel(w, at + 2u * K4), texel(w, at + 3u * K4));
        at += 4u * K4;
        let x0 = select(vec4f(), texel(x, t0.index + c4), t0.inside);
        let x1 = select(vec4f(), texel(x, t1.index + c4), t1.inside);
        let x2 = select(vec4f(), texel(x, t2.index + c4), t2.inside);
        let x3 = select(vec4f(), texel(x, t3.index + c4), t3.inside);
        let x4 = select(vec4f(), texel(x, t4.index + c4), t4.inside);
        let x5 = select(vec4f(), texel(x, t5.index + c4), t5.inside);
        let x6 = select(vec4f(), texel(x, t6.index + c4), t6.inside);
        let x7 = select(vec4f(), texel(x, t7.index + c4), t7.inside);
        a0 += b * subgroupShuffle(x0, half);
        a1 += b * subgroupShuffle(x0, half + 1u);
        a2 += b * subgroupShuffle(x0, half + 2u);
        a3 += b * subgroupShuffle(x0, half + 3u);
        a4 += b * subgroupShuffle(x1, half);
        a5 += b * subgroupShuffle(x1, half + 1u);
        a6 += b * subgroupShuffle(x1, half + 2u);
        a7 += b * subgroupShuffle(x1, half + 3u);
        a8 += b * subgroupShuffle(x2, half);
        a9 += b * subgroupShuffle(x2, half + 1u);
        a10 += b * subgroupShuffle(x2, half + 2u);
        a11 += b * subgroupShuffle(x2, half + 3u);
        a12 += b * subgroupShuffle(x3, half);
        a13 += b * subgroupShuffle(x3, half + 1u);
        a14 += b * subgroupShuffle(x3, half + 2u);
        a15 += b * subgroupShuffle(x3, half + 3u);
        a16 += b * subgroupShuffle(x4, half);
        a17 += b * subgroupShuffle(x4, half + 1u);
        a18 += b * subgroupShuffle(x4, half + 2u);
        a19 += b * subgroupShuffle(x4, half + 3u);
        a20 += b * subgroupShuffle(x5, half);
        a21 += b * subgroupShuffle(x5, half + 1u);
        a22 += b * subgroupShuffle(x5, half + 2u);
        a23 += b * subgroupShuffle(x5, half + 3u);
        a24 += b * subgroupShuffle(x6, half);
        a25 += b * subgroupShuffle(x6, half + 1u);
        a26 += b * subgroupShuffle(x6, half + 2u);
        a27 += b * subgroupShuffle(x6, half + 3u);
        a28 += b * subgroupShuffle(x7, half);
        a29 += b * subgroupShuffle(x7, half + 1u);
        a30 += b * subgroupShuffle(x7, half + 2u);
        a31 += b * subgroupShuffle(x7, half + 3u);
      }
    }
  }
  store(first + half + 0u, k4, a0);
  store(first + half + 1u, k4, a1);
  store(first + half + 2u, k4, a2);
  store(first + half + 3u, k4, a3);
  store(first + half + 8u, k4, a4);
  store(first + half + 9u, k4, a5);
  store(first + half + 10u, k4, a6);
  store(first + half + 11u, k4, a7);
  store(first + half + 16u, k4, a8);
  store(first + half + 17u, k4, a9);
  store(first + half + 18u, k4, a10);
  store(first + half + 19u, k4, a11);
  store(first + half + 24u, k4, a12);
  store(first + half + 25u, k4, a13);
  store(first + half + 26u, k4, a14);
  store(first + half + 27u, k4, a15);
  store(first + half + 32u, k4, a16);
  store(first + half + 33u, k4, a17);
  store(first + half + 34u, k4, a18);
  store(first + half + 35u, k4, a19);
  store(first + half + 40u, k4, a20);
  store(first + half + 41u, k4, a21);
  store(first + half + 42u, k4, a22);
  store(first + half + 43u, k4, a23);
  store(first + half + 48u, k4, a24);
  store(first + half + 49u, k4, a25);
  store(first + half + 50u, k4, a26);
  store(first + half + 51u, k4, a27);
  store(first + half + 56u, k4, a28);
  store(first + half + 57u, k4, a29);
  store(first + half + 58u, k4, a30);
  store(first + half + 59u, k4, a31);
}

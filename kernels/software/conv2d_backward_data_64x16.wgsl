// dx[n,h,w,c] = Σ_r,s,k  dy[n,p,q,k] · w[r,s,c,k]   where p·stride + r − pad = h and q·stride + s − pad = w
//
// dy [N,P,Q,K], w [R,S,C,K], dx [N,H,W,C]; C and K are multiples of 4.
//
// The kernel for subgroups of 8 lanes for at most 16 input channels: the narrow forward kernel with the
// roles of C and K exchanged. A workgroup computes 64 input pixels × 16 channels, a lane owns 4 channels of half the pixels.

@group(0) @binding(0) var dy: texture_2d<f32>;
@group(0) @binding(1) var w: texture_2d<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<Result>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(8)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let K4 = params.K / 4u;
  let first = number_of(group) * 64u;
  let classes = params.stride * params.stride;
  let class_ = class_of(group.id.z % classes);
  let half = lane / 4u * 4u;
  let c4 = group.id.z / classes * 4u + lane % 4u;
  let column = min(c4, params.C / 4u - 1u);
  let at0 = source(class_, first + 0u + lane);
  let at1 = source(class_, first + 8u + lane);
  let at2 = source(class_, first + 16u + lane);
  let at3 = source(class_, first + 24u + lane);
  let at4 = source(class_, first + 32u + lane);
  let at5 = source(class_, first + 40u + lane);
  let at6 = source(class_, first + 48u + lane);
  let at7 = source(class_, first + 56u + lane);
  var a0 = vec4f(); var a1 = vec4f(); var a2 = vec4f(); var a3 = vec4f();
  var a4 = vec4f(); var a5 = vec4f(); var a6 = vec4f(); var a7 = vec4f();
  var a8 = vec4f(); var a9 = vec4f(); var a10 = vec4f(); var a11 = vec4f();
  var a12 = vec4f(); var a13 = vec4f(); var a14 = vec4f(); var a15 = vec4f();
  var a16 = vec4f(); var a17 = vec4f(); var a18 = vec4f(); var a19 = vec4f();
  var a20 = vec4f(); var a21 = vec4f(); var a22 = vec4f(); var a23 = vec4f();
  var a24 = vec4f(); var a25 = vec4f(); var a26 = vec4f(); var a27 = vec4f();
  var a28 = vec4f(); var a29 = vec4f(); var a30 = vec4f(); var a31 = vec4f();
  for (var r = (class_.h + params.pad) % params.stride; r < params.R; r += params.stride) {
    for (var s = (class_.w + params.pad) % params.stride; s < params.S; s += params.stride) {
      let t0 = tap(at0, r, s);
      let t1 = tap(at1, r, s);
      let t2 = tap(at2, r, s);
      let t3 = tap(at3, r, s);
      let t4 = tap(at4, r, s);
      let t5 = tap(at5, r, s);
      let t6 = tap(at6, r, s);
      let t7 = tap(at7, r, s);
      var at = params.w_at + ((r * params.S + s) * params.C + 4u * column) * K4;
      for (var k4 = 0u; k4 < K4; k4++) {
        let b = mat4x4f(texel(w, at), texel(w, at + K4), texel(w, at + 2u * K4), texel(w, at + 3u * K4));
        at++;
        let y0 = select(vec4f(), texel(dy, t0.index + k4), t0.present);
        let y1 = select(vec4f(), texel(dy, t1.index + k4), t1.present);
        let y2 = select(vec4f(), texel(dy, t2.index + k4), t2.present);
        let y3 = select(vec4f(), texel(dy, t3.index + k4), t3.present);
        let y4 = select(vec4f(), texel(dy, t4.index + k4), t4.present);
        let y5 = select(vec4f(), texel(dy, t5.index + k4), t5.present);
        let y6 = select(vec4f(), texel(dy, t6.index + k4), t6.present);
        let y7 = select(vec4f(), texel(dy, t7.index + k4), t7.present);
        a0 += subgroupShuffle(y0, half) * b;
        a1 += subgroupShuffle(y0, half + 1u) * b;
        a2 += subgroupShuffle(y0, half + 2u) * b;
        a3 += subgroupShuffle(y0, half + 3u) * b;
        a4 += subgroupShuffle(y1, half) * b;
        a5 += subgroupShuffle(y1, half + 1u) * b;
        a6 += subgroupShuffle(y1, half + 2u) * b;
        a7 += subgroupShuffle(y1, half + 3u) * b;
        a8 += subgroupShuffle(y2, half) * b;
        a9 += subgroupShuffle(y2, half + 1u) * b;
        a10 += subgroupShuffle(y2, half + 2u) * b;
        a11 += subgroupShuffle(y2, half + 3u) * b;
        a12 += subgroupShuffle(y3, half) * b;
        a13 += subgroupShuffle(y3, half + 1u) * b;
        a14 += subgroupShuffle(y3, half + 2u) * b;
        a15 += subgroupShuffle(y3, half + 3u) * b;
        a16 += subgroupShuffle(y4, half) * b;
        a17 += subgroupShuffle(y4, half + 1u) * b;
        a18 += subgroupShuffle(y4, half + 2u) * b;
        a19 += subgroupShuffle(y4, half + 3u) * b;
        a20 += subgroupShuffle(y5, half) * b;
        a21 += subgroupShuffle(y5, half + 1u) * b;
        a22 += subgroupShuffle(y5, half + 2u) * b;
        a23 += subgroupShuffle(y5, half + 3u) * b;
        a24 += subgroupShuffle(y6, half) * b;
        a25 += subgroupShuffle(y6, half + 1u) * b;
        a26 += subgroupShuffle(y6, half + 2u) * b;
        a27 += subgroupShuffle(y6, half + 3u) * b;
        a28 += subgroupShuffle(y7, half) * b;
        a29 += subgroupShuffle(y7, half + 1u) * b;
        a30 += subgroupShuffle(y7, half + 2u) * b;
        a31 += subgroupShuffle(y7, half + 3u) * b;
      }
    }
  }
  store(subgroupShuffle(at0.pixel, half), c4, a0);
  store(subgroupShuffle(at0.pixel, half + 1u), c4, a1);
  store(subgroupShuffle(at0.pixel, half + 2u), c4, a2);
  store(subgroupShuffle(at0.pixel, half + 3u), c4, a3);
  store(subgroupShuffle(at1.pixel, half), c4, a4);
  store(subgroupShuffle(at1.pixel, half + 1u), c4, a5);
  store(subgroupShuffle(at1.pixel, half + 2u), c4, a6);
  store(subgroupShuffle(at1.pixel, half + 3u), c4, a7);
  store(subgroupShuffle(at2.pixel, half), c4, a8);
  store(subgroupShuffle(at2.pixel, half + 1u), c4, a9);
  store(subgroupShuffle(at2.pixel, half + 2u), c4, a10);
  store(subgroupShuffle(at2.pixel, half + 3u), c4, a11);
  store(subgroupShuffle(at3.pixel, half), c4, a12);
  store(subgroupShuffle(at3.pixel, half + 1u), c4, a13);
  store(subgroupShuffle(at3.pixel, half + 2u), c4, a14);
  store(subgroupShuffle(at3.pixel, half + 3u), c4, a15);
  store(subgroupShuffle(at4.pixel, half), c4, a16);
  store(subgroupShuffle(at4.pixel, half + 1u), c4, a17);
  store(subgroupShuffle(at4.pixel, half + 2u), c4, a18);
  store(subgroupShuffle(at4.pixel, half + 3u), c4, a19);
  store(subgroupShuffle(at5.pixel, half), c4, a20);
  store(subgroupShuffle(at5.pixel, half + 1u), c4, a21);
  store(subgroupShuffle(at5.pixel, half + 2u), c4, a22);
  store(subgroupShuffle(at5.pixel, half + 3u), c4, a23);
  store(subgroupShuffle(at6.pixel, half), c4, a24);
  store(subgroupShuffle(at6.pixel, half + 1u), c4, a25);
  store(subgroupShuffle(at6.pixel, half + 2u), c4, a26);
  store(subgroupShuffle(at6.pixel, half + 3u), c4, a27);
  store(subgroupShuffle(at7.pixel, half), c4, a28);
  store(subgroupShuffle(at7.pixel, half + 1u), c4, a29);
  store(subgroupShuffle(at7.pixel, half + 2u), c4, a30);
  store(subgroupShuffle(at7.pixel, half + 3u), c4, a31);
}

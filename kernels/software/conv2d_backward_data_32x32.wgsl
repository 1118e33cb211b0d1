// dx[n,h,w,c] = Σ_r,s,k  dy[n,p,q,k] · w[r,s,c,k]   where p·stride + r − pad = h and q·stride + s − pad = w
//
// dy [N,P,Q,K], w [R,S,C,K], dx [N,H,W,C]; C and K are multiples of 4.
//
// The forward kernel for subgroups of 8 lanes with the roles of C and K exchanged: a workgroup computes 32 input pixels
// × 32 input channels, a lane owns 4 channels (c = c0 … c0 + 3) of all 32 pixels, dy is shared by broadcast.
// The four vec4s of w that a lane loads run along k, so that the product is taken from the left: v · b.

@group(0) @binding(0) var dy: texture_2d<f32>;
@group(0) @binding(1) var w: texture_2d<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<Result>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(8)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let K4 = params.K / 4u;
  let first = number_of(group) * 32u;
  let classes = params.stride * params.stride;
  let class_ = class_of(group.id.z % classes);
  let c4 = group.id.z / classes * 8u + lane;
  let column = min(c4, params.C / 4u - 1u);
  let at0 = source(class_, first + 0u + lane);
  let at1 = source(class_, first + 8u + lane);
  let at2 = source(class_, first + 16u + lane);
  let at3 = source(class_, first + 24u + lane);
  var a0 = vec4f(); var a1 = vec4f(); var a2 = vec4f(); var a3 = vec4f(); var a4 = vec4f(); var a5 = vec4f(); var a6 = vec4f(); var a7 = vec4f();
  var a8 = vec4f(); var a9 = vec4f(); var a10 = vec4f(); var a11 = vec4f(); var a12 = vec4f(); var a13 = vec4f(); var a14 = vec4f(); var a15 = vec4f();
  var a16 = vec4f(); var a17 = vec4f(); var a18 = vec4f(); var a19 = vec4f(); var a20 = vec4f(); var a21 = vec4f(); var a22 = vec4f(); var a23 = vec4f();
  var a24 = vec4f(); var a25 = vec4f(); var a26 = vec4f(); var a27 = vec4f(); var a28 = vec4f(); var a29 = vec4f(); var a30 = vec4f(); var a31 = vec4f();
  for (var r = (class_.h + params.pad) % params.stride; r < params.R; r += params.stride) {
    for (var s = (class_.w + params.pad) % params.stride; s < params.S; s += params.stride) {
      let t0 = tap(at0, r, s);
      let t1 = tap(at1, r, s);
      let t2 = tap(at2, r, s);
      let t3 = tap(at3, r, s);
      var at = params.w_at + ((r * params.S + s) * params.C + 4u * column) * K4;
      for (var k4 = 0u; k4 < K4; k4++) {
        let b = mat4x4f(texel(w, at), texel(w, at + K4), texel(w, at + 2u * K4), texel(w, at + 3u * K4));
        at++;
        let y0 = select(vec4f(), texel(dy, t0.index + k4), t0.present);
        let y1 = select(vec4f(), texel(dy, t1.index + k4), t1.present);
        let y2 = select(vec4f(), texel(dy, t2.index + k4), t2.present);
        let y3 = select(vec4f(), texel(dy, t3.index + k4), t3.present);
        a0 += subgroupBroadcast(y0, 0u) * b;
        a1 += subgroupBroadcast(y0, 1u) * b;
        a2 += subgroupBroadcast(y0, 2u) * b;
        a3 += subgroupBroadcast(y0, 3u) * b;
        a4 += subgroupBroadcast(y0, 4u) * b;
        a5 += subgroupBroadcast(y0, 5u) * b;
        a6 += subgroupBroadcast(y0, 6u) * b;
        a7 += subgroupBroadcast(y0, 7u) * b;
        a8 += subgroupBroadcast(y1, 0u) * b;
        a9 += subgroupBroadcast(y1, 1u) * b;
        a10 += subgroupBroadcast(y1, 2u) * b;
        a11 += subgroupBroadcast(y1, 3u) * b;
        a12 += subgroupBroadcast(y1, 4u) * b;
        a13 += subgroupBroadcast(y1, 5u) * b;
        a14 += subgroupBroadcast(y1, 6u) * b;
        a15 += subgroupBroadcast(y1, 7u) * b;
        a16 += subgroupBroadcast(y2, 0u) * b;
        a17 += subgroupBroadcast(y2, 1u) * b;
        a18 += subgroupBroadcast(y2, 2u) * b;
        a19 += subgroupBroadcast(y2, 3u) * b;
        a20 += subgroupBroadcast(y2, 4u) * b;
        a21 += subgroupBroadcast(y2, 5u) * b;
        a22 += subgroupBroadcast(y2, 6u) * b;
        a23 += subgroupBroadcast(y2, 7u) * b;
        a24 += subgroupBroadcast(y3, 0u) * b;
        a25 += subgroupBroadcast(y3, 1u) * b;
        a26 += subgroupBroadcast(y3, 2u) * b;
        a27 += subgroupBroadcast(y3, 3u) * b;
        a28 += subgroupBroadcast(y3, 4u) * b;
        a29 += subgroupBroadcast(y3, 5u) * b;
        a30 += subgroupBroadcast(y3, 6u) * b;
        a31 += subgroupBroadcast(y3, 7u) * b;
      }
    }
  }
  store(subgroupBroadcast(at0.pixel, 0u), c4, a0);
  store(subgroupBroadcast(at0.pixel, 1u), c4, a1);
  store(subgroupBroadcast(at0.pixel, 2u), c4, a2);
  store(subgroupBroadcast(at0.pixel, 3u), c4, a3);
  store(subgroupBroadcast(at0.pixel, 4u), c4, a4);
  store(subgroupBroadcast(at0.pixel, 5u), c4, a5);
  store(subgroupBroadcast(at0.pixel, 6u), c4, a6);
  store(subgroupBroadcast(at0.pixel, 7u), c4, a7);
  store(subgroupBroadcast(at1.pixel, 0u), c4, a8);
  store(subgroupBroadcast(at1.pixel, 1u), c4, a9);
  store(subgroupBroadcast(at1.pixel, 2u), c4, a10);
  store(subgroupBroadcast(at1.pixel, 3u), c4, a11);
  store(subgroupBroadcast(at1.pixel, 4u), c4, a12);
  store(subgroupBroadcast(at1.pixel, 5u), c4, a13);
  store(subgroupBroadcast(at1.pixel, 6u), c4, a14);
  store(subgroupBroadcast(at1.pixel, 7u), c4, a15);
  store(subgroupBroadcast(at2.pixel, 0u), c4, a16);
  store(subgroupBroadcast(at2.pixel, 1u), c4, a17);
  store(subgroupBroadcast(at2.pixel, 2u), c4, a18);
  store(subgroupBroadcast(at2.pixel, 3u), c4, a19);
  store(subgroupBroadcast(at2.pixel, 4u), c4, a20);
  store(subgroupBroadcast(at2.pixel, 5u), c4, a21);
  store(subgroupBroadcast(at2.pixel, 6u), c4, a22);
  store(subgroupBroadcast(at2.pixel, 7u), c4, a23);
  store(subgroupBroadcast(at3.pixel, 0u), c4, a24);
  store(subgroupBroadcast(at3.pixel, 1u), c4, a25);
  store(subgroupBroadcast(at3.pixel, 2u), c4, a26);
  store(subgroupBroadcast(at3.pixel, 3u), c4, a27);
  store(subgroupBroadcast(at3.pixel, 4u), c4, a28);
  store(subgroupBroadcast(at3.pixel, 5u), c4, a29);
  store(subgroupBroadcast(at3.pixel, 6u), c4, a30);
  store(subgroupBroadcast(at3.pixel, 7u), c4, a31);
}

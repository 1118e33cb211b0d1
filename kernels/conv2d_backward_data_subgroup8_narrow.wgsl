// dx[n,h,w,c] = Σ_r,s,k  dy[n,p,q,k] · w[r,s,c,k]   where p·stride + r − pad = h and q·stride + s − pad = w
//
// dy [N,P,Q,K], w [R,S,C,K], dx [N,H,W,C]; C and K are multiples of 4.
//
// The kernel for subgroups of 8 lanes where there are no more than 16 input channels: the narrow forward kernel with the
// roles of C and K exchanged. A workgroup makes 64 input pixels × 16 channels, a lane owns 4 channels of half the pixels.
struct Params {
  N: u32, H: u32, W: u32, C: u32,  // input
  P: u32, Q: u32, K: u32,          // output
  R: u32, S: u32, stride: u32, pad: u32,
  w_at: u32,                       // texels before w in its texture
}

@group(0) @binding(0) var dy: texture_2d<f32>;
@group(0) @binding(1) var w: texture_2d<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

fn texel(image: texture_2d<f32>, i: u32) -> vec4f {
  return textureLoad(image, vec2u(i % 1024u, i / 1024u), 0);
}

// With a stride, an input pixel meets only the taps that leave its row and column the right remainder. So the pixels
// fall into stride² classes by these remainders; a workgroup serves one class and runs through its taps only.
struct Class { h: u32, w: u32, rows: u32, columns: u32 }

fn class_of(z: u32) -> Class {
  let h = z / params.stride;
  let w = z % params.stride;
  let rows = (params.H + params.stride - 1u - h) / params.stride;
  let columns = (params.W + params.stride - 1u - w) / params.stride;
  return Class(h, w, rows, columns);
}

// Of a pixel of a class: row h + pad, column w + pad, the first element of its image in dy, and its index in dx; the
// index is NOWHERE behind the last pixel.
struct Source { row: u32, column: u32, image: u32, pixel: u32 }

const NOWHERE = 0xffffffffu;

fn source(class_: Class, i: u32) -> Source {
  let size = max(class_.rows * class_.columns, 1u);
  let n = min(i / size, params.N - 1u);
  let h = i % size / max(class_.columns, 1u) * params.stride + class_.h;
  let v = i % max(class_.columns, 1u) * params.stride + class_.w;
  let pixel = (n * params.H + h) * params.W + v;
  let exists = i < params.N * class_.rows * class_.columns;
  return Source(h + params.pad, v + params.pad, n * params.P * params.Q, select(NOWHERE, pixel, exists));
}

// Index of the output pixel that saw the input pixel through tap (r, s), in vec4s, and whether there is one.
struct Tap { index: u32, present: bool }

fn tap(at: Source, r: u32, s: u32) -> Tap {
  let p = (at.row - r) / params.stride;
  let q = (at.column - s) / params.stride;
  let present = at.row >= r && at.column >= s && p < params.P && q < params.Q;
  return Tap(select(0u, (at.image + p * params.Q + q) * (params.K / 4u), present), present);
}

fn store(pixel: u32, c4: u32, value: vec4f) {
  if (pixel != NOWHERE && c4 < params.C / 4u) {
    dx[pixel * (params.C / 4u) + c4] = value;
  }
}

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let K4 = params.K / 4u;
  let first = (group.x + group.y * groups.x) * 64u;
  let classes = params.stride * params.stride;
  let class_ = class_of(group.z % classes);
  let half = lane / 4u * 4u;
  let c4 = group.z / classes * 4u + lane % 4u;
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

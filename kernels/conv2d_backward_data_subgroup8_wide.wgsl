// dx[n,h,w,c] = Σ_r,s,k  dy[n,p,q,k] · w[r,s,c,k]   where p·stride + r − pad = h and q·stride + s − pad = w
//
// dy [N,P,Q,K], w [R,S,C,K], dx [N,H,W,C]; C and K are multiples of 4.
//
// The kernel for subgroups of 8 lanes with twice as many channels: a workgroup makes 32 input pixels × 64 input
// channels, a lane owns twice 4 channels of all 32 pixels. So 12 loads feed as many products as 16 do in the kernel of 32
// channels, which is the better one where 64 would not be filled.
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
  let first = (group.x + group.y * groups.x) * 32u;
  let classes = params.stride * params.stride;
  let class_ = class_of(group.z % classes);
  let c4 = group.z / classes * 16u + lane;
  let column_b = min(c4, params.C / 4u - 1u);
  let column_c = min(c4 + 8u, params.C / 4u - 1u);
  let at0 = source(class_, first + 0u + lane);
  let at1 = source(class_, first + 8u + lane);
  let at2 = source(class_, first + 16u + lane);
  let at3 = source(class_, first + 24u + lane);
  var a0 = vec4f(); var a1 = vec4f(); var a2 = vec4f(); var a3 = vec4f(); var a4 = vec4f(); var a5 = vec4f(); var a6 = vec4f(); var a7 = vec4f();
  var a8 = vec4f(); var a9 = vec4f(); var a10 = vec4f(); var a11 = vec4f(); var a12 = vec4f(); var a13 = vec4f(); var a14 = vec4f(); var a15 = vec4f();
  var a16 = vec4f(); var a17 = vec4f(); var a18 = vec4f(); var a19 = vec4f(); var a20 = vec4f(); var a21 = vec4f(); var a22 = vec4f(); var a23 = vec4f();
  var a24 = vec4f(); var a25 = vec4f(); var a26 = vec4f(); var a27 = vec4f(); var a28 = vec4f(); var a29 = vec4f(); var a30 = vec4f(); var a31 = vec4f();
  var b0 = vec4f(); var b1 = vec4f(); var b2 = vec4f(); var b3 = vec4f(); var b4 = vec4f(); var b5 = vec4f(); var b6 = vec4f(); var b7 = vec4f();
  var b8 = vec4f(); var b9 = vec4f(); var b10 = vec4f(); var b11 = vec4f(); var b12 = vec4f(); var b13 = vec4f(); var b14 = vec4f(); var b15 = vec4f();
  var b16 = vec4f(); var b17 = vec4f(); var b18 = vec4f(); var b19 = vec4f(); var b20 = vec4f(); var b21 = vec4f(); var b22 = vec4f(); var b23 = vec4f();
  var b24 = vec4f(); var b25 = vec4f(); var b26 = vec4f(); var b27 = vec4f(); var b28 = vec4f(); var b29 = vec4f(); var b30 = vec4f(); var b31 = vec4f();
  for (var r = (class_.h + params.pad) % params.stride; r < params.R; r += params.stride) {
    for (var s = (class_.w + params.pad) % params.stride; s < params.S; s += params.stride) {
      let t0 = tap(at0, r, s);
      let t1 = tap(at1, r, s);
      let t2 = tap(at2, r, s);
      let t3 = tap(at3, r, s);
      var at_b = params.w_at + ((r * params.S + s) * params.C + 4u * column_b) * K4;
      var at_c = params.w_at + ((r * params.S + s) * params.C + 4u * column_c) * K4;
      for (var k4 = 0u; k4 < K4; k4++) {
        let b = mat4x4f(texel(w, at_b), texel(w, at_b + K4), texel(w, at_b + 2u * K4), texel(w, at_b + 3u * K4));
        at_b++;
        let c = mat4x4f(texel(w, at_c), texel(w, at_c + K4), texel(w, at_c + 2u * K4), texel(w, at_c + 3u * K4));
        at_c++;
        let y0 = select(vec4f(), texel(dy, t0.index + k4), t0.present);
        let y1 = select(vec4f(), texel(dy, t1.index + k4), t1.present);
        let y2 = select(vec4f(), texel(dy, t2.index + k4), t2.present);
        let y3 = select(vec4f(), texel(dy, t3.index + k4), t3.present);
        let v0 = subgroupBroadcast(y0, 0u);
        a0 += v0 * b; b0 += v0 * c;
        let v1 = subgroupBroadcast(y0, 1u);
        a1 += v1 * b; b1 += v1 * c;
        let v2 = subgroupBroadcast(y0, 2u);
        a2 += v2 * b; b2 += v2 * c;
        let v3 = subgroupBroadcast(y0, 3u);
        a3 += v3 * b; b3 += v3 * c;
        let v4 = subgroupBroadcast(y0, 4u);
        a4 += v4 * b; b4 += v4 * c;
        let v5 = subgroupBroadcast(y0, 5u);
        a5 += v5 * b; b5 += v5 * c;
        let v6 = subgroupBroadcast(y0, 6u);
        a6 += v6 * b; b6 += v6 * c;
        let v7 = subgroupBroadcast(y0, 7u);
        a7 += v7 * b; b7 += v7 * c;
        let v8 = subgroupBroadcast(y1, 0u);
        a8 += v8 * b; b8 += v8 * c;
        let v9 = subgroupBroadcast(y1, 1u);
        a9 += v9 * b; b9 += v9 * c;
        let v10 = subgroupBroadcast(y1, 2u);
        a10 += v10 * b; b10 += v10 * c;
        let v11 = subgroupBroadcast(y1, 3u);
        a11 += v11 * b; b11 += v11 * c;
        let v12 = subgroupBroadcast(y1, 4u);
        a12 += v12 * b; b12 += v12 * c;
        let v13 = subgroupBroadcast(y1, 5u);
        a13 += v13 * b; b13 += v13 * c;
        let v14 = subgroupBroadcast(y1, 6u);
        a14 += v14 * b; b14 += v14 * c;
        let v15 = subgroupBroadcast(y1, 7u);
        a15 += v15 * b; b15 += v15 * c;
        let v16 = subgroupBroadcast(y2, 0u);
        a16 += v16 * b; b16 += v16 * c;
        let v17 = subgroupBroadcast(y2, 1u);
        a17 += v17 * b; b17 += v17 * c;
        let v18 = subgroupBroadcast(y2, 2u);
        a18 += v18 * b; b18 += v18 * c;
        let v19 = subgroupBroadcast(y2, 3u);
        a19 += v19 * b; b19 += v19 * c;
        let v20 = subgroupBroadcast(y2, 4u);
        a20 += v20 * b; b20 += v20 * c;
        let v21 = subgroupBroadcast(y2, 5u);
        a21 += v21 * b; b21 += v21 * c;
        let v22 = subgroupBroadcast(y2, 6u);
        a22 += v22 * b; b22 += v22 * c;
        let v23 = subgroupBroadcast(y2, 7u);
        a23 += v23 * b; b23 += v23 * c;
        let v24 = subgroupBroadcast(y3, 0u);
        a24 += v24 * b; b24 += v24 * c;
        let v25 = subgroupBroadcast(y3, 1u);
        a25 += v25 * b; b25 += v25 * c;
        let v26 = subgroupBroadcast(y3, 2u);
        a26 += v26 * b; b26 += v26 * c;
        let v27 = subgroupBroadcast(y3, 3u);
        a27 += v27 * b; b27 += v27 * c;
        let v28 = subgroupBroadcast(y3, 4u);
        a28 += v28 * b; b28 += v28 * c;
        let v29 = subgroupBroadcast(y3, 5u);
        a29 += v29 * b; b29 += v29 * c;
        let v30 = subgroupBroadcast(y3, 6u);
        a30 += v30 * b; b30 += v30 * c;
        let v31 = subgroupBroadcast(y3, 7u);
        a31 += v31 * b; b31 += v31 * c;
      }
    }
  }
  let pixel0 = subgroupBroadcast(at0.pixel, 0u);
  store(pixel0, c4, a0);
  store(pixel0, c4 + 8u, b0);
  let pixel1 = subgroupBroadcast(at0.pixel, 1u);
  store(pixel1, c4, a1);
  store(pixel1, c4 + 8u, b1);
  let pixel2 = subgroupBroadcast(at0.pixel, 2u);
  store(pixel2, c4, a2);
  store(pixel2, c4 + 8u, b2);
  let pixel3 = subgroupBroadcast(at0.pixel, 3u);
  store(pixel3, c4, a3);
  store(pixel3, c4 + 8u, b3);
  let pixel4 = subgroupBroadcast(at0.pixel, 4u);
  store(pixel4, c4, a4);
  store(pixel4, c4 + 8u, b4);
  let pixel5 = subgroupBroadcast(at0.pixel, 5u);
  store(pixel5, c4, a5);
  store(pixel5, c4 + 8u, b5);
  let pixel6 = subgroupBroadcast(at0.pixel, 6u);
  store(pixel6, c4, a6);
  store(pixel6, c4 + 8u, b6);
  let pixel7 = subgroupBroadcast(at0.pixel, 7u);
  store(pixel7, c4, a7);
  store(pixel7, c4 + 8u, b7);
  let pixel8 = subgroupBroadcast(at1.pixel, 0u);
  store(pixel8, c4, a8);
  store(pixel8, c4 + 8u, b8);
  let pixel9 = subgroupBroadcast(at1.pixel, 1u);
  store(pixel9, c4, a9);
  store(pixel9, c4 + 8u, b9);
  let pixel10 = subgroupBroadcast(at1.pixel, 2u);
  store(pixel10, c4, a10);
  store(pixel10, c4 + 8u, b10);
  let pixel11 = subgroupBroadcast(at1.pixel, 3u);
  store(pixel11, c4, a11);
  store(pixel11, c4 + 8u, b11);
  let pixel12 = subgroupBroadcast(at1.pixel, 4u);
  store(pixel12, c4, a12);
  store(pixel12, c4 + 8u, b12);
  let pixel13 = subgroupBroadcast(at1.pixel, 5u);
  store(pixel13, c4, a13);
  store(pixel13, c4 + 8u, b13);
  let pixel14 = subgroupBroadcast(at1.pixel, 6u);
  store(pixel14, c4, a14);
  store(pixel14, c4 + 8u, b14);
  let pixel15 = subgroupBroadcast(at1.pixel, 7u);
  store(pixel15, c4, a15);
  store(pixel15, c4 + 8u, b15);
  let pixel16 = subgroupBroadcast(at2.pixel, 0u);
  store(pixel16, c4, a16);
  store(pixel16, c4 + 8u, b16);
  let pixel17 = subgroupBroadcast(at2.pixel, 1u);
  store(pixel17, c4, a17);
  store(pixel17, c4 + 8u, b17);
  let pixel18 = subgroupBroadcast(at2.pixel, 2u);
  store(pixel18, c4, a18);
  store(pixel18, c4 + 8u, b18);
  let pixel19 = subgroupBroadcast(at2.pixel, 3u);
  store(pixel19, c4, a19);
  store(pixel19, c4 + 8u, b19);
  let pixel20 = subgroupBroadcast(at2.pixel, 4u);
  store(pixel20, c4, a20);
  store(pixel20, c4 + 8u, b20);
  let pixel21 = subgroupBroadcast(at2.pixel, 5u);
  store(pixel21, c4, a21);
  store(pixel21, c4 + 8u, b21);
  let pixel22 = subgroupBroadcast(at2.pixel, 6u);
  store(pixel22, c4, a22);
  store(pixel22, c4 + 8u, b22);
  let pixel23 = subgroupBroadcast(at2.pixel, 7u);
  store(pixel23, c4, a23);
  store(pixel23, c4 + 8u, b23);
  let pixel24 = subgroupBroadcast(at3.pixel, 0u);
  store(pixel24, c4, a24);
  store(pixel24, c4 + 8u, b24);
  let pixel25 = subgroupBroadcast(at3.pixel, 1u);
  store(pixel25, c4, a25);
  store(pixel25, c4 + 8u, b25);
  let pixel26 = subgroupBroadcast(at3.pixel, 2u);
  store(pixel26, c4, a26);
  store(pixel26, c4 + 8u, b26);
  let pixel27 = subgroupBroadcast(at3.pixel, 3u);
  store(pixel27, c4, a27);
  store(pixel27, c4 + 8u, b27);
  let pixel28 = subgroupBroadcast(at3.pixel, 4u);
  store(pixel28, c4, a28);
  store(pixel28, c4 + 8u, b28);
  let pixel29 = subgroupBroadcast(at3.pixel, 5u);
  store(pixel29, c4, a29);
  store(pixel29, c4 + 8u, b29);
  let pixel30 = subgroupBroadcast(at3.pixel, 6u);
  store(pixel30, c4, a30);
  store(pixel30, c4 + 8u, b30);
  let pixel31 = subgroupBroadcast(at3.pixel, 7u);
  store(pixel31, c4, a31);
  store(pixel31, c4 + 8u, b31);
}

// dx[n,h,w,c] = Σ_r,s,k  dy[n,p,q,k] · w[r,s,c,k]   where p·stride + r − pad = h and q·stride + s − pad = w
//
// dy [N,P,Q,K], w [R,S,C,K], dx [N,H,W,C]; C and K are multiples of 4.
//
// The forward kernel with the roles of C and K exchanged: an invocation makes 4 input pixels × 4 input channels. The
// four vec4s of w that it loads run along k, so that the product is taken from the left: v · b.
struct Params {
  N: u32, H: u32, W: u32, C: u32,  // input
  P: u32, Q: u32, K: u32,          // output
  R: u32, S: u32, stride: u32, pad: u32,
}

@group(0) @binding(0) var<storage, read> dy: array<vec4f>;
@group(0) @binding(1) var<storage, read> w: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

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

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let K4 = params.K / 4u;
  let C4 = params.C / 4u;
  let id = (group.x + group.y * groups.x) * 64u + lane;
  let class_ = class_of(group.z);
  let c4 = id % C4;
  let first = id / C4 * 4u;
  let at0 = source(class_, first + 0u);
  let at1 = source(class_, first + 1u);
  let at2 = source(class_, first + 2u);
  let at3 = source(class_, first + 3u);
  var a0 = vec4f(); var a1 = vec4f(); var a2 = vec4f(); var a3 = vec4f();
  for (var r = (class_.h + params.pad) % params.stride; r < params.R; r += params.stride) {
    for (var s = (class_.w + params.pad) % params.stride; s < params.S; s += params.stride) {
      let t0 = tap(at0, r, s);
      let t1 = tap(at1, r, s);
      let t2 = tap(at2, r, s);
      let t3 = tap(at3, r, s);
      var at = ((r * params.S + s) * params.C + 4u * c4) * K4;
      for (var k4 = 0u; k4 < K4; k4++) {
        let b = mat4x4f(w[at], w[at + K4], w[at + 2u * K4], w[at + 3u * K4]);
        at++;
        a0 += select(vec4f(), dy[t0.index + k4], t0.present) * b;
        a1 += select(vec4f(), dy[t1.index + k4], t1.present) * b;
        a2 += select(vec4f(), dy[t2.index + k4], t2.present) * b;
        a3 += select(vec4f(), dy[t3.index + k4], t3.present) * b;
      }
    }
  }
  store(at0.pixel, c4, a0);
  store(at1.pixel, c4, a1);
  store(at2.pixel, c4, a2);
  store(at3.pixel, c4, a3);
}

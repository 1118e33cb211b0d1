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

// Row h + pad and column w + pad of an input pixel, and the first element of its image in dy.
struct Source { row: u32, column: u32, image: u32 }

fn source(pixel: u32) -> Source {
  let m = min(pixel, params.N * params.H * params.W - 1u);
  let h = (m / params.W) % params.H;
  let v = m % params.W;
  let n = m / (params.H * params.W);
  return Source(h + params.pad, v + params.pad, n * params.P * params.Q);
}

// Index of the output pixel that saw the input pixel through tap (r, s), in vec4s, and whether there is one.
struct Tap { index: u32, present: bool }

fn tap(at: Source, r: u32, s: u32) -> Tap {
  let p = (at.row - r) / params.stride;
  let q = (at.column - s) / params.stride;
  let present = at.row >= r && at.column >= s && p * params.stride == at.row - r && q * params.stride == at.column - s
    && p < params.P && q < params.Q;
  return Tap(select(0u, (at.image + p * params.Q + q) * (params.K / 4u), present), present);
}

fn store(pixel: u32, c4: u32, value: vec4f) {
  if (pixel < params.N * params.H * params.W) {
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
  let c4 = id % C4;
  let first = id / C4 * 4u;
  let at0 = source(first + 0u);
  let at1 = source(first + 1u);
  let at2 = source(first + 2u);
  let at3 = source(first + 3u);
  var a0 = vec4f(); var a1 = vec4f(); var a2 = vec4f(); var a3 = vec4f();
  for (var r = 0u; r < params.R; r++) {
    for (var s = 0u; s < params.S; s++) {
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
  store(first + 0u, c4, a0);
  store(first + 1u, c4, a1);
  store(first + 2u, c4, a2);
  store(first + 3u, c4, a3);
}

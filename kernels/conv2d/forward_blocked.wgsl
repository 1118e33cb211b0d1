// y[n,p,q,k] = Σ_r,s,c  x[n, p·stride + r − pad, q·stride + s − pad, c] · w[r,s,c,k] (+ bias[k])
//
// x [N,H,W,C], w [R,S,C,K], bias [K], y [N,P,Q,K]; C and K are multiples of 4. Without BIAS, w is bound in its place.
//
// An implicit matrix product that runs on any adapter. An invocation computes 4 output pixels × 4 output
// channels in registers: 16 multiplications for each vec4 loaded. Neighboring invocations own neighboring channels
// of the same pixels, so that reads of w and writes of y are contiguous and reads of x are shared.

@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read> w: array<Stored>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<Result>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let K4 = params.K / 4u;
  let id = number_of(group) * 64u + lane;
  let k4 = id % K4;
  let first = id / K4 * 4u;
  let at0 = window(first + 0u);
  let at1 = window(first + 1u);
  let at2 = window(first + 2u);
  let at3 = window(first + 3u);
  let begin = start(k4);
  var a0 = begin; var a1 = begin; var a2 = begin; var a3 = begin;
  for (var r = 0u; r < params.R; r++) {
    for (var s = 0u; s < params.S; s++) {
      let t0 = tap(at0, r, s);
      let t1 = tap(at1, r, s);
      let t2 = tap(at2, r, s);
      let t3 = tap(at3, r, s);
      var at = (r * params.S + s) * params.C * K4 + k4;
      for (var c4 = 0u; c4 < params.C / 4u; c4++) {
        let b = mat4x4f(vec4f(w[at]), vec4f(w[at + K4]), vec4f(w[at + 2u * K4]), vec4f(w[at + 3u * K4]));
        at += 4u * K4;
        a0 += b * select(vec4f(), vec4f(x[t0.index + c4]), t0.inside);
        a1 += b * select(vec4f(), vec4f(x[t1.index + c4]), t1.inside);
        a2 += b * select(vec4f(), vec4f(x[t2.index + c4]), t2.inside);
        a3 += b * select(vec4f(), vec4f(x[t3.index + c4]), t3.inside);
      }
    }
  }
  store(first + 0u, k4, a0);
  store(first + 1u, k4, a1);
  store(first + 2u, k4, a2);
  store(first + 3u, k4, a3);
}

// y[n,p,q,c] = max_r,s x[n, p·stride + r − pad, q·stride + s − pad, c]; argmax is the r·window + s that gave it
//
// x [N,H,W,C], y [N,P,Q,C], argmax [N,P,Q,C] (u32). Of equal values the first in order of r, s counts, as in PyTorch;
// NaN is larger than all. An invocation owns 4 channels of one output pixel.
struct Params { N: u32, H: u32, W: u32, C: u32, P: u32, Q: u32, window: u32, stride: u32, pad: u32 }

@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read_write> y: array<Result>;
@group(0) @binding(2) var<storage, read_write> argmax: array<vec4u>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let C4 = params.C / 4u;
  let i = number_of(group) * 64u + lane;
  if (i >= params.N * params.P * params.Q * C4) {
    return;
  }
  let m = i / C4;
  let p = m / params.Q % params.P;
  let q = m % params.Q;
  let n = m / (params.P * params.Q);
  var best = vec4f(-3.4028234e38);
  var which = vec4u();
  for (var r = 0u; r < params.window; r++) {
    for (var s = 0u; s < params.window; s++) {
      let h = i32(p * params.stride + r) - i32(params.pad);
      let v = i32(q * params.stride + s) - i32(params.pad);
      if (h >= 0 && h < i32(params.H) && v >= 0 && v < i32(params.W)) {
        let value = vec4f(x[((n * params.H + u32(h)) * params.W + u32(v)) * C4 + i % C4]);
        let larger = ((value > best) | are_nan(value)) & !are_nan(best); // NaN is larger than all, and stays
        best = select(best, value, larger);
        which = select(which, vec4u(r * params.window + s), larger);
      }
    }
  }
  y[i] = Result(best);
  argmax[i] = which;
}

// dx[n,h,w,c] = Σ dy[n,p,q,c] over the windows whose maximum lies at (h, w)
//
// dy and argmax [N,P,Q,C], dx [N,H,W,C]. An invocation owns 4 channels of one input pixel and asks the windows that
// cover it, so that no two invocations write to one place.
struct Params { N: u32, H: u32, W: u32, C: u32, P: u32, Q: u32, window: u32, stride: u32, pad: u32 }

@group(0) @binding(0) var<storage, read> dy: array<Stored>;
@group(0) @binding(1) var<storage, read> argmax: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> dx: array<Result>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let C4 = params.C / 4u;
  let i = number_of(group) * 64u + lane;
  if (i >= params.N * params.H * params.W * C4) {
    return;
  }
  let m = i / C4;
  let row = m / params.W % params.H + params.pad;
  let column = m % params.W + params.pad;
  let n = m / (params.H * params.W);
  var sum = vec4f();
  for (var r = 0u; r < params.window; r++) {
    for (var s = 0u; s < params.window; s++) {
      let p = (row - r) / params.stride;
      let q = (column - s) / params.stride;
      if (row >= r && column >= s && p * params.stride == row - r && q * params.stride == column - s
        && p < params.P && q < params.Q) {
        let at = ((n * params.P + p) * params.Q + q) * C4 + i % C4;
        sum += select(vec4f(), vec4f(dy[at]), argmax[at] == vec4u(r * params.window + s));
      }
    }
  }
  dx[i] = Result(sum);
}

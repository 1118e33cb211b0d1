// y[n,h,w,c] = Σ_r,s  x[n, h + r − 3, w + s − 3, c] · k[r,s,c] (+ bias[c])   7 × 7 taps, one filter per channel
//
// x and y [N,H,W,C], k [7,7,1,C], bias [C]; C is a multiple of 4. With FLIP the taps come in reverse order: from dy, that is
// the gradient dx of the input. Without BIAS, k is bound in its place.
//
// Runs on any adapter: an invocation computes 4 neighboring pixels of 4 channels in registers. It skips taps above and below
// the image, which are most of those of small images.
override FLIP: bool = false;
override BIAS: bool = false;

@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read> k: array<Stored>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<Result>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let C4 = params.C / 4u;
  let id = number_of(group) * 64u + lane;
  let c4 = id % C4;
  let segments = (params.W + 3u) / 4u;
  let column = id / C4 % segments * 4u;
  let row = id / C4 / segments; // of all images
  if (row >= params.N * params.H) {
    return;
  }
  let h = row % params.H;
  var begin = vec4f();
  if (BIAS) {
    begin = bias[c4];
  }
  var sum0 = begin; var sum1 = begin; var sum2 = begin; var sum3 = begin;
  let end = min(SIDE, params.H + 3u - h);
  for (var r = max(h, 3u) - h; r < end; r++) {
    let pixels = (row + r - 3u) * params.W;
    let x0 = seen(pixels, column - 3u, c4);
    let x1 = seen(pixels, column - 2u, c4);
    let x2 = seen(pixels, column - 1u, c4);
    let x3 = seen(pixels, column, c4);
    let x4 = seen(pixels, column + 1u, c4);
    let x5 = seen(pixels, column + 2u, c4);
    let x6 = seen(pixels, column + 3u, c4);
    let x7 = seen(pixels, column + 4u, c4);
    let x8 = seen(pixels, column + 5u, c4);
    let x9 = seen(pixels, column + 6u, c4);
    let k0 = tap(r, 0u, c4);
    let k1 = tap(r, 1u, c4);
    let k2 = tap(r, 2u, c4);
    let k3 = tap(r, 3u, c4);
    let k4 = tap(r, 4u, c4);
    let k5 = tap(r, 5u, c4);
    let k6 = tap(r, 6u, c4);
    sum0 += k0 * x0 + k1 * x1 + k2 * x2 + k3 * x3 + k4 * x4 + k5 * x5 + k6 * x6;
    sum1 += k0 * x1 + k1 * x2 + k2 * x3 + k3 * x4 + k4 * x5 + k5 * x6 + k6 * x7;
    sum2 += k0 * x2 + k1 * x3 + k2 * x4 + k3 * x5 + k4 * x6 + k5 * x7 + k6 * x8;
    sum3 += k0 * x3 + k1 * x4 + k2 * x5 + k3 * x6 + k4 * x7 + k5 * x8 + k6 * x9;
  }
  let at = (row * params.W + column) * C4 + c4;
  y[at] = Result(sum0);
  if (column + 1u < params.W) { y[at + C4] = Result(sum1); }
  if (column + 2u < params.W) { y[at + 2u * C4] = Result(sum2); }
  if (column + 3u < params.W) { y[at + 3u * C4] = Result(sum3); }
}

// Four channels in a column of a row of x, 0 outside; columns before the first wrap around.
fn seen(pixels: u32, column: u32, c4: u32) -> vec4f {
  let exists = column < params.W;
  return select(vec4f(), vec4f(x[(pixels + select(0u, column, exists)) * (params.C / 4u) + c4]), exists);
}

fn tap(r: u32, s: u32, c4: u32) -> vec4f {
  let at = r * SIDE + s;
  return vec4f(k[select(at, SIDE * SIDE - 1u - at, FLIP) * (params.C / 4u) + c4]);
}

// dk[part,r,s,c] = Σ_n,h,w  x[n, h + r − 3, w + s − 3, c] · dy[n,h,w,c]
//
// x and dy [N,H,W,C], dk [parts,7,7,1,C]; C is a multiple of 4. The rows of all images are split into parts, and the sum of dk
// over them is the gradient.
//
// Runs on any adapter: an invocation owns one row of taps, 4 channels and one part. It walks along the rows with the 7 pixels
// that the taps see in registers.
@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read> dy: array<Stored>;
@group(0) @binding(2) var<storage, read_write> dk: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let C4 = params.C / 4u;
  let id = number_of(group) * 64u + lane;
  let c4 = id % C4;
  let r = id / C4 % SIDE;
  let part = id / C4 / SIDE;
  if (part >= params.parts) {
    return;
  }
  let rows = params.N * params.H;
  let length = (rows + params.parts - 1u) / params.parts;
  let end = min((part + 1u) * length, rows);
  var sum0 = vec4f(); var sum1 = vec4f(); var sum2 = vec4f(); var sum3 = vec4f();
  var sum4 = vec4f(); var sum5 = vec4f(); var sum6 = vec4f();
  for (var row = part * length; row < end; row++) {
    if (row % params.H + r - 3u >= params.H) { // wraps around below 0
      continue;
    }
    let from_x = (row + r - 3u) * params.W * C4 + c4;
    let from_dy = row * params.W * C4 + c4;
    var x0 = vec4f(); var x1 = vec4f(); var x2 = vec4f();
    var x3 = vec4f(x[from_x]);
    var x4 = seen(from_x, 1u);
    var x5 = seen(from_x, 2u);
    for (var v = 0u; v < params.W; v++) {
      let x6 = seen(from_x, v + 3u);
      let d = vec4f(dy[from_dy + v * C4]);
      sum0 += d * x0;
      sum1 += d * x1;
      sum2 += d * x2;
      sum3 += d * x3;
      sum4 += d * x4;
      sum5 += d * x5;
      sum6 += d * x6;
      x0 = x1; x1 = x2; x2 = x3; x3 = x4; x4 = x5; x5 = x6;
    }
  }
  let at = (part * SIDE + r) * SIDE * C4 + c4;
  dk[at] = sum0;
  dk[at + C4] = sum1;
  dk[at + 2u * C4] = sum2;
  dk[at + 3u * C4] = sum3;
  dk[at + 4u * C4] = sum4;
  dk[at + 5u * C4] = sum5;
  dk[at + 6u * C4] = sum6;
}

// Four channels in a column of a row of x, 0 behind the last.
fn seen(row: u32, column: u32) -> vec4f {
  let exists = column < params.W;
  return select(vec4f(), vec4f(x[row + select(0u, column, exists) * (params.C / 4u)]), exists);
}

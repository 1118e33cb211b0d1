// Sums over the channels of a row. A workgroup has ROWS rows, and LANES invocations for each of them, which take every
// LANES-th quadruple of its channels; a tree in workgroup memory adds what they have, in a fixed order. LANES is a power of
// two; 1 needs no tree.
override ROWS: u32 = 8u;
override LANES: u32 = 1u;

var<workgroup> row_parts: array<f32, ROWS * LANES>;

// The sum of the values of all invocations of a row.
fn over_row(invocation: u32, value: f32) -> f32 {
  if (LANES == 1u) {
    return value;
  }
  workgroupBarrier(); // the last sum has been read
  row_parts[invocation] = value;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (invocation % LANES < half) {
      row_parts[invocation] += row_parts[invocation + half];
    }
  }
  workgroupBarrier();
  return row_parts[invocation / LANES * LANES];
}

fn sum_of(v: vec4f) -> f32 {
  return v.x + v.y + v.z + v.w;
}

// Mean, and 1 / √(variance + eps), of row m of x. The variance is taken around the mean: a mean far from zero costs no
// precision.
fn row_statistics(invocation: u32, m: u32) -> vec2f {
  let C4 = params.C / 4u;
  let lane = invocation % LANES;
  var sum = vec4f();
  for (var c4 = lane; c4 < C4; c4 += LANES) {
    sum += vec4f(x[m * C4 + c4]);
  }
  let mean = over_row(invocation, sum_of(sum)) / f32(params.C);
  var squares = vec4f();
  for (var c4 = lane; c4 < C4; c4 += LANES) {
    let d = vec4f(x[m * C4 + c4]) - mean;
    squares += d * d;
  }
  let variance = over_row(invocation, sum_of(squares)) / f32(params.C);
  return vec2f(mean, 1.0 / sqrt(variance + params.eps));
}

// y[part,n,p,q,k] = Σ_r,s,c  x[n, p·stride + r − pad, q·stride + s − pad, c] · w[r,s,c,k] (+ bias[k])
//
// x [N,H,W,C], w [R,S,C,K], bias [K], y [parts,N,P,Q,K]; C and K are multiples of 4. The taps and channels (r,s,c) of a sum
// are its depth; it is split into parts, and the sum of y over them is the convolution. Without BIAS, w is bound in its
// place.
//
// The matrix product A·B of the windows [N·P·Q, R·S·C] and the weights [R·S·C, K] for discrete GPUs. A workgroup computes a
// tile of pixels × channels of one part, an invocation 8 × 8 of them in registers: two quadruples of rows × two of columns.
// 16 of the depth at a time pass through workgroup memory, of which WebGPU guarantees 16 KB. In tiles of 128 × 128 half of
// the invocations loads A, 4 channels of 4 pixels each, and transposes them, and the other half loads B; small tiles, for
// products that have too few large ones to occupy a GPU, have each invocation load both. The next stage is loaded into
// registers while the products are computed. These are written out, as a loop costs a guard per iteration.
override BIAS: bool = false;

@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read> w: array<Stored>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<Result>;
@group(0) @binding(4) var<uniform> params: Params;

// Where the windows of four neighboring output pixels begin: rows and columns, and the index of that corner in x, in
// vec4s. All may be negative, as the padding lies outside of x.
struct Windows { row: vec4i, column: vec4i, corner: vec4i }

fn windows(first: u32) -> Windows {
  let m = min(first + vec4u(0u, 1u, 2u, 3u), vec4u(params.N * params.P * params.Q - 1u));
  let row = vec4i(m / params.Q % params.P * params.stride) - i32(params.pad);
  let column = vec4i(m % params.Q * params.stride) - i32(params.pad);
  let image = vec4i(m / (params.P * params.Q) * params.H);
  return Windows(row, column, ((image + row) * i32(params.W) + column) * i32(params.C / 4u));
}

// Four channels of x at a tap of four windows, one in each column; only those inside the image count.
fn patches(four: Windows, at: Depth) -> Loaded {
  let h = vec4u(four.row + i32(at.r));
  let v = vec4u(four.column + i32(at.s));
  let inside = (h < vec4u(params.H)) & (v < vec4u(params.W)) & vec4<bool>(at.r < params.R);
  let way = i32((at.r * params.W + at.s) * (params.C / 4u) + at.c4);
  let index = select(vec4u(), vec4u(four.corner + way), inside);
  return Loaded(mat4x4f(vec4f(x[index.x]), vec4f(x[index.y]), vec4f(x[index.z]), vec4f(x[index.w])), inside);
}

// Rows d, d + 4, d + 8 and d + 12 of w, four channels; rows beyond the last do not count.
fn weights(d: u32, k4: u32) -> Loaded {
  let K4 = params.K / 4u;
  let row = d + vec4u(0u, 4u, 8u, 12u);
  let exists = row < vec4u(params.R * params.S * params.C);
  let index = select(vec4u(), row * K4 + k4, exists);
  return Loaded(mat4x4f(vec4f(w[index.x]), vec4f(w[index.y]), vec4f(w[index.z]), vec4f(w[index.w])), exists);
}

// The initial value of the sums of a column of vec4s; only the first part has the bias.
fn start(part: u32, k4: u32) -> vec4f {
  if (BIAS && part == 0u) {
    return bias[min(k4, params.K / 4u - 1u)];
  }
  return vec4f();
}

// Four channels of four neighboring output pixels.
fn store(part: u32, first: u32, k4: u32, block: mat4x4f) {
  let K4 = params.K / 4u;
  let pixels = params.N * params.P * params.Q;
  let at = (part * pixels + first) * K4 + k4;
  if (k4 < K4 && first + 0u < pixels) { y[at + 0u * K4] = Result(block[0]); }
  if (k4 < K4 && first + 1u < pixels) { y[at + 1u * K4] = Result(block[1]); }
  if (k4 < K4 && first + 2u < pixels) { y[at + 2u * K4] = Result(block[2]); }
  if (k4 < K4 && first + 3u < pixels) { y[at + 3u * K4] = Result(block[3]); }
}

// Rows d, d + 4, d + 8 and d + 12 of a column of B.
fn fill_b(d: u32, column: u32, values: mat4x4f) {
  tile_b[d + 0u][column] = values[0];
  tile_b[d + 4u][column] = values[1];
  tile_b[d + 8u][column] = values[2];
  tile_b[d + 12u][column] = values[3];
}

@compute @workgroup_size(INVOCATIONS)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  // Neighboring workgroups share rows: columns of tiles vary fastest, parts slowest.
  let columns = (params.K / 4u + TILE4 - 1u) / TILE4;
  let rows = (params.N * params.P * params.Q + 4u * TILE4 - 1u) / (4u * TILE4);
  let id = number_of(group);
  let part = id / (rows * columns);
  if (part >= params.parts) {
    return;
  }
  let row4 = id / columns % rows * TILE4;
  let column4 = id % columns * TILE4;
  let stages = (params.R * params.S * params.C + 15u) / 16u;
  let length = (stages + params.parts - 1u) / params.parts;
  let end = min((part + 1u) * length, stages);

  let loads_a = LOADS_BOTH || lane < INVOCATIONS / 2u;
  let d4 = lane % 4u;
  let g = lane / 4u % TILE4;
  let four = windows(4u * (row4 + g));
  let d = lane / TILE4 % 4u;
  let column = lane % TILE4;
  let k4 = min(column4 + column, params.K / 4u - 1u);
  let way = depth_at(4u);
  var at = depth_at(4u * part * length + d4);
  var next: Loaded;
  var next_b: Loaded;
  if (loads_a) {
    next = patches(four, at);
  } else {
    next = weights(16u * part * length + d, k4);
  }
  if (LOADS_BOTH) {
    next_b = weights(16u * part * length + d, k4);
  }

  let tx = column_of(lane);
  let ty = row_of(lane);
  var i: u32;
  let begin0 = start(part, column4 + tx);
  let begin1 = start(part, column4 + tx + HALF4);
  var c00 = mat4x4f(begin0, begin0, begin0, begin0); var c01 = mat4x4f(begin1, begin1, begin1, begin1);
  var c10 = c00; var c11 = c01;
  var a0: vec4f; var a1: vec4f; var b0: vec4f; var b1: vec4f;
  for (var stage = part * length; stage < end; stage++) {
    workgroupBarrier();  // the previous stage has been read
    let values = kept(next);
    if (loads_a) {
      fill_a(d4, g, values);
    } else {
      fill_b(d, column, values);
    }
    if (LOADS_BOTH) {
      fill_b(d, column, kept(next_b));
    }
    workgroupBarrier();  // this stage is complete
    at = plus(at, way);
    if (loads_a) {
      next = patches(four, at);
    } else {
      next = weights(16u * (stage + 1u) + d, k4);
    }
    if (LOADS_BOTH) {
      next_b = weights(16u * (stage + 1u) + d, k4);
    }
    i = ty ^ 0u;
    a0 = tile_a[0][i]; a1 = tile_a[0][i + HALF4]; b0 = tile_b[0][tx]; b1 = tile_b[0][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[1][i]; a1 = tile_a[1][i + HALF4]; b0 = tile_b[1][tx]; b1 = tile_b[1][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[2][i]; a1 = tile_a[2][i + HALF4]; b0 = tile_b[2][tx]; b1 = tile_b[2][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[3][i]; a1 = tile_a[3][i + HALF4]; b0 = tile_b[3][tx]; b1 = tile_b[3][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    i = ty ^ 2u;
    a0 = tile_a[4][i]; a1 = tile_a[4][i + HALF4]; b0 = tile_b[4][tx]; b1 = tile_b[4][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[5][i]; a1 = tile_a[5][i + HALF4]; b0 = tile_b[5][tx]; b1 = tile_b[5][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[6][i]; a1 = tile_a[6][i + HALF4]; b0 = tile_b[6][tx]; b1 = tile_b[6][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[7][i]; a1 = tile_a[7][i + HALF4]; b0 = tile_b[7][tx]; b1 = tile_b[7][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    i = ty ^ 4u;
    a0 = tile_a[8][i]; a1 = tile_a[8][i + HALF4]; b0 = tile_b[8][tx]; b1 = tile_b[8][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[9][i]; a1 = tile_a[9][i + HALF4]; b0 = tile_b[9][tx]; b1 = tile_b[9][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[10][i]; a1 = tile_a[10][i + HALF4]; b0 = tile_b[10][tx]; b1 = tile_b[10][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[11][i]; a1 = tile_a[11][i + HALF4]; b0 = tile_b[11][tx]; b1 = tile_b[11][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    i = ty ^ 6u;
    a0 = tile_a[12][i]; a1 = tile_a[12][i + HALF4]; b0 = tile_b[12][tx]; b1 = tile_b[12][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[13][i]; a1 = tile_a[13][i + HALF4]; b0 = tile_b[13][tx]; b1 = tile_b[13][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[14][i]; a1 = tile_a[14][i + HALF4]; b0 = tile_b[14][tx]; b1 = tile_b[14][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[15][i]; a1 = tile_a[15][i + HALF4]; b0 = tile_b[15][tx]; b1 = tile_b[15][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
  }
  store(part, 4u * (row4 + ty), column4 + tx, c00);
  store(part, 4u * (row4 + ty), column4 + tx + HALF4, c01);
  store(part, 4u * (row4 + ty + HALF4), column4 + tx, c10);
  store(part, 4u * (row4 + ty + HALF4), column4 + tx + HALF4, c11);
}

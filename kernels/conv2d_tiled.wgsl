// y[part,n,p,q,k] = Σ_r,s,c  x[n, p·stride + r − pad, q·stride + s − pad, c] · w[r,s,c,k] (+ bias[k])
//
// x [N,H,W,C], w [R,S,C,K], bias [K], y [parts,N,P,Q,K]; C and K are multiples of 4. The taps and channels (r,s,c) of a sum are
// its depth; it falls into parts, and the sum of y over them is the convolution. Without BIAS, w is bound in its place.
//
// The matrix product A·B of the windows [N·P·Q, R·S·C] and the weights [R·S·C, K] for discrete GPUs. A workgroup of 256
// makes 128 pixels × 128 channels of one part, an invocation 8 × 8 of them in registers: two quadruples of rows × two
// of columns, 64 apart. 16 of the depth at a time pass through workgroup memory, of which 16 KB are all that WebGPU
// promises: half the invocations load A, 4 channels of 4 pixels each, and turn them; the other half load B. What comes
// next is on its way into registers while the products are made. These are written out, as a loop costs a guard a turn.
override BIAS: bool = false;

struct Params {
  N: u32, H: u32, W: u32, C: u32,  // input
  P: u32, Q: u32, K: u32,          // output
  R: u32, S: u32, stride: u32, pad: u32,
  parts: u32,                      // the depth falls into this many parts, each with a sum of its own
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> w: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

// 16 of the depth: 32 quadruples of rows of A, and as many of columns of B.
// Quadruple g of row k of A lies at g xor k / 4 · 2: invocations that run in step store those of four rows, which the
// xor puts on different banks.
var<workgroup> tile_a: array<array<vec4f, 32>, 16>;
var<workgroup> tile_b: array<array<vec4f, 32>, 16>;

// Where the windows of four neighbouring output pixels begin: rows and columns, and the index of that corner in x, in
// vec4s. All may be negative, as the padding lies outside of x.
struct Windows { row: vec4i, column: vec4i, corner: vec4i }

fn windows(first: u32) -> Windows {
  let m = min(first + vec4u(0u, 1u, 2u, 3u), vec4u(params.N * params.P * params.Q - 1u));
  let row = vec4i(m / params.Q % params.P * params.stride) - i32(params.pad);
  let column = vec4i(m % params.Q * params.stride) - i32(params.pad);
  let image = vec4i(m / (params.P * params.Q) * params.H);
  return Windows(row, column, ((image + row) * i32(params.W) + column) * i32(params.C / 4u));
}

// A place on the way through the depth: tap (r, s) and four channels. Behind the end r is R or more.
struct Depth { r: u32, s: u32, c4: u32 }

fn depth_at(d4: u32) -> Depth {
  let tap = d4 / (params.C / 4u);
  return Depth(tap / params.S, tap % params.S, d4 % (params.C / 4u));
}

// One place and the way from there to another: carries, where a division would cost more than the loads.
fn plus(at: Depth, way: Depth) -> Depth {
  let c4 = at.c4 + way.c4;
  let next_tap = c4 >= params.C / 4u;
  let s = at.s + way.s + select(0u, 1u, next_tap);
  let next_row = s >= params.S;
  return Depth(
    at.r + way.r + select(0u, 1u, next_row),
    select(s, s - params.S, next_row),
    select(c4, c4 - params.C / 4u, next_tap),
  );
}

// What four loads brought, and which of them count.
struct Loaded { values: mat4x4f, valid: vec4<bool> }

// Zeros are put in only when a stage begins: any earlier, they would wait for the loads.
fn kept(loaded: Loaded) -> mat4x4f {
  return mat4x4f(
    select(vec4f(), loaded.values[0], loaded.valid.x),
    select(vec4f(), loaded.values[1], loaded.valid.y),
    select(vec4f(), loaded.values[2], loaded.valid.z),
    select(vec4f(), loaded.values[3], loaded.valid.w),
  );
}

// Four channels of x at a tap of four windows, one in each column; only those inside the image count.
fn patches(four: Windows, at: Depth) -> Loaded {
  let h = vec4u(four.row + i32(at.r));
  let v = vec4u(four.column + i32(at.s));
  let inside = (h < vec4u(params.H)) & (v < vec4u(params.W)) & vec4<bool>(at.r < params.R);
  let way = i32((at.r * params.W + at.s) * (params.C / 4u) + at.c4);
  let index = select(vec4u(), vec4u(four.corner + way), inside);
  return Loaded(mat4x4f(x[index.x], x[index.y], x[index.z], x[index.w]), inside);
}

// Rows d, d + 4, d + 8 and d + 12 of w, four channels; what is behind the last row does not count.
fn weights(d: u32, k4: u32) -> Loaded {
  let K4 = params.K / 4u;
  let row = d + vec4u(0u, 4u, 8u, 12u);
  let exists = row < vec4u(params.R * params.S * params.C);
  let index = select(vec4u(), row * K4 + k4, exists);
  return Loaded(mat4x4f(w[index.x], w[index.y], w[index.z], w[index.w]), exists);
}

// What the sums of a column of vec4s begin with; of the parts, the first has the bias.
fn start(part: u32, k4: u32) -> vec4f {
  if (BIAS && part == 0u) {
    return bias[min(k4, params.K / 4u - 1u)];
  }
  return vec4f();
}

// Four channels of four neighbouring output pixels.
fn store(part: u32, first: u32, k4: u32, block: mat4x4f) {
  let K4 = params.K / 4u;
  let pixels = params.N * params.P * params.Q;
  let at = (part * pixels + first) * K4 + k4;
  if (k4 < K4 && first + 0u < pixels) { y[at + 0u * K4] = block[0]; }
  if (k4 < K4 && first + 1u < pixels) { y[at + 1u * K4] = block[1]; }
  if (k4 < K4 && first + 2u < pixels) { y[at + 2u * K4] = block[2]; }
  if (k4 < K4 && first + 3u < pixels) { y[at + 3u * K4] = block[3]; }
}

// The products of four rows of A with four columns of B; a column of the matrix is a row of them.
fn outer(a: vec4f, b: vec4f) -> mat4x4f {
  return mat4x4f(a.x * b, a.y * b, a.z * b, a.w * b);
}

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  // Neighbouring workgroups share rows: columns of tiles change fastest, parts slowest.
  let columns = (params.K / 4u + 31u) / 32u;
  let rows = (params.N * params.P * params.Q + 127u) / 128u;
  let id = group.x + group.y * groups.x;
  let part = id / (rows * columns);
  if (part >= params.parts) {
    return;
  }
  let row4 = id / columns % rows * 32u;
  let column4 = id % columns * 32u;
  let stages = (params.R * params.S * params.C + 15u) / 16u;
  let length = (stages + params.parts - 1u) / params.parts;
  let end = min((part + 1u) * length, stages);

  // The first half of the invocations loads A, 4 channels of a quadruple of pixels each, the second half B.
  let loads_a = lane < 128u;
  let d4 = lane % 4u;
  let g = lane / 4u % 32u;
  let four = windows(4u * (row4 + g));
  let d = lane / 32u % 4u;
  let k4 = min(column4 + lane % 32u, params.K / 4u - 1u);
  let way = depth_at(4u);
  var at = depth_at(4u * part * length + d4);
  var next: Loaded;
  if (loads_a) {
    next = patches(four, at);
  } else {
    next = weights(16u * part * length + d, k4);
  }

  // Invocations that run in step, 32 or 64 of them, make 32 × 64 or 64 × 64 outputs: they share most of what they read.
  let tx = lane % 8u + lane / 64u % 2u * 8u;
  let ty = lane / 8u % 8u + lane / 128u * 8u;
  var i: u32;
  let begin0 = start(part, column4 + tx);
  let begin1 = start(part, column4 + tx + 16u);
  var c00 = mat4x4f(begin0, begin0, begin0, begin0); var c01 = mat4x4f(begin1, begin1, begin1, begin1);
  var c10 = c00; var c11 = c01;
  var a0: vec4f; var a1: vec4f; var b0: vec4f; var b1: vec4f;
  for (var stage = part * length; stage < end; stage++) {
    workgroupBarrier();  // the stage before has been read
    let values = kept(next);
    if (loads_a) {
      let turned = transpose(values);
      tile_a[4u * d4 + 0u][g ^ (2u * d4)] = turned[0];
      tile_a[4u * d4 + 1u][g ^ (2u * d4)] = turned[1];
      tile_a[4u * d4 + 2u][g ^ (2u * d4)] = turned[2];
      tile_a[4u * d4 + 3u][g ^ (2u * d4)] = turned[3];
    } else {
      tile_b[d + 0u][lane % 32u] = values[0];
      tile_b[d + 4u][lane % 32u] = values[1];
      tile_b[d + 8u][lane % 32u] = values[2];
      tile_b[d + 12u][lane % 32u] = values[3];
    }
    workgroupBarrier();  // this one is there
    at = plus(at, way);
    if (loads_a) {
      next = patches(four, at);
    } else {
      next = weights(16u * (stage + 1u) + d, k4);
    }
    i = ty ^ 0u;
    a0 = tile_a[0][i]; a1 = tile_a[0][i + 16u]; b0 = tile_b[0][tx]; b1 = tile_b[0][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[1][i]; a1 = tile_a[1][i + 16u]; b0 = tile_b[1][tx]; b1 = tile_b[1][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[2][i]; a1 = tile_a[2][i + 16u]; b0 = tile_b[2][tx]; b1 = tile_b[2][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[3][i]; a1 = tile_a[3][i + 16u]; b0 = tile_b[3][tx]; b1 = tile_b[3][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    i = ty ^ 2u;
    a0 = tile_a[4][i]; a1 = tile_a[4][i + 16u]; b0 = tile_b[4][tx]; b1 = tile_b[4][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[5][i]; a1 = tile_a[5][i + 16u]; b0 = tile_b[5][tx]; b1 = tile_b[5][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[6][i]; a1 = tile_a[6][i + 16u]; b0 = tile_b[6][tx]; b1 = tile_b[6][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[7][i]; a1 = tile_a[7][i + 16u]; b0 = tile_b[7][tx]; b1 = tile_b[7][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    i = ty ^ 4u;
    a0 = tile_a[8][i]; a1 = tile_a[8][i + 16u]; b0 = tile_b[8][tx]; b1 = tile_b[8][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[9][i]; a1 = tile_a[9][i + 16u]; b0 = tile_b[9][tx]; b1 = tile_b[9][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[10][i]; a1 = tile_a[10][i + 16u]; b0 = tile_b[10][tx]; b1 = tile_b[10][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[11][i]; a1 = tile_a[11][i + 16u]; b0 = tile_b[11][tx]; b1 = tile_b[11][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    i = ty ^ 6u;
    a0 = tile_a[12][i]; a1 = tile_a[12][i + 16u]; b0 = tile_b[12][tx]; b1 = tile_b[12][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[13][i]; a1 = tile_a[13][i + 16u]; b0 = tile_b[13][tx]; b1 = tile_b[13][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[14][i]; a1 = tile_a[14][i + 16u]; b0 = tile_b[14][tx]; b1 = tile_b[14][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[15][i]; a1 = tile_a[15][i + 16u]; b0 = tile_b[15][tx]; b1 = tile_b[15][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
  }
  store(part, 4u * (row4 + ty), column4 + tx, c00);
  store(part, 4u * (row4 + ty), column4 + tx + 16u, c01);
  store(part, 4u * (row4 + ty + 16u), column4 + tx, c10);
  store(part, 4u * (row4 + ty + 16u), column4 + tx + 16u, c11);
}

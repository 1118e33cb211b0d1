// dx[part,n,h,w,c] = Σ_r,s,k  dy[n,p,q,k] · w[r,s,c,k]   where p·stride + r − pad = h and q·stride + s − pad = w
//
// dy [N,P,Q,K], w [R,S,C,K], dx [parts,N,H,W,C]; C and K are multiples of 4. The taps and channels (r,s,k) of a sum are
// its depth; it is split into parts, and the sum of dx over them is the gradient.
//
// The forward kernel for discrete GPUs with the roles of C and K exchanged: a workgroup computes a tile of input pixels ×
// input channels of one part, an invocation 8 × 8 of them in registers. As w runs along k too, the 4 × 4 values that an
// invocation loads are transposed for A and for B.

@group(0) @binding(0) var<storage, read> dy: array<Stored>;
@group(0) @binding(1) var<storage, read> w: array<Stored>;
@group(0) @binding(2) var<storage, read_write> dx: array<Result>;
@group(0) @binding(3) var<uniform> params: Params;

// The output pixels that saw four neighboring pixels of a class through its first tap: rows and columns, which may lie
// beyond the last, and the index in dy, in vec4s. Each further tap saw them one row or column before.
struct Sources { p: vec4i, q: vec4i, corner: vec4i }

fn sources(class_: Class, first: u32) -> Sources {
  let width = max(class_.columns, 1u);
  let size = max(class_.rows, 1u) * width;
  let i = first + vec4u(0u, 1u, 2u, 3u);
  let n = vec4i(min(i / size, vec4u(params.N - 1u)));
  let p = vec4i(i % size / width + (class_.h + params.pad) / params.stride);
  let q = vec4i(i % width + (class_.w + params.pad) / params.stride);
  return Sources(p, q, ((n * i32(params.P) + p) * i32(params.Q) + q) * i32(params.K / 4u));
}

// Four channels of dy for four pixels, one in each column; only those count that saw the pixel through this tap.
fn gradients(class_: Class, four: Sources, at: Depth) -> Loaded {
  let p = vec4u(four.p - i32(at.r));
  let q = vec4u(four.q - i32(at.s));
  let present = (p < vec4u(params.P)) & (q < vec4u(params.Q)) & vec4<bool>(at.r < class_.R);
  let way = i32(at.k4) - i32((at.r * params.Q + at.s) * (params.K / 4u));
  let index = select(vec4u(), vec4u(four.corner + way), present);
  return Loaded(mat4x4f(vec4f(dy[index.x]), vec4f(dy[index.y]), vec4f(dy[index.z]), vec4f(dy[index.w])), present);
}

// Four channels k of four input channels of w at a tap, one in each column; taps beyond the last do not count.
fn weights(class_: Class, c4: u32, at: Depth) -> Loaded {
  let exists = vec4<bool>(at.r < class_.R && at.s < class_.S);
  let tap = (class_.r + at.r * params.stride) * params.S + class_.s + at.s * params.stride;
  let row = tap * params.C + 4u * c4 + vec4u(0u, 1u, 2u, 3u);
  let index = select(vec4u(), row * (params.K / 4u) + at.k4, exists);
  return Loaded(mat4x4f(vec4f(w[index.x]), vec4f(w[index.y]), vec4f(w[index.z]), vec4f(w[index.w])), exists);
}

// Four channels of four neighboring pixels of a class.
fn store(class_: Class, part: u32, first: u32, c4: u32, block: mat4x4f) {
  let C4 = params.C / 4u;
  let width = max(class_.columns, 1u);
  let size = max(class_.rows, 1u) * width;
  let i = first + vec4u(0u, 1u, 2u, 3u);
  let exists = (i < vec4u(params.N * class_.rows * class_.columns)) & vec4<bool>(c4 < C4);
  let h = i % size / width * params.stride + class_.h;
  let v = i % width * params.stride + class_.w;
  let at = (((part * params.N + i / size) * params.H + h) * params.W + v) * C4 + c4;
  if (exists.x) { dx[at.x] = Result(block[0]); }
  if (exists.y) { dx[at.y] = Result(block[1]); }
  if (exists.z) { dx[at.z] = Result(block[2]); }
  if (exists.w) { dx[at.w] = Result(block[3]); }
}

// Transposes 4 of the depth of quadruple g of columns into tile B, as fill_a does.
fn fill_b(d4: u32, g: u32, values: mat4x4f) {
  let turned = transpose(values);
  tile_b[4u * d4 + 0u][g ^ (2u * d4)] = turned[0];
  tile_b[4u * d4 + 1u][g ^ (2u * d4)] = turned[1];
  tile_b[4u * d4 + 2u][g ^ (2u * d4)] = turned[2];
  tile_b[4u * d4 + 3u][g ^ (2u * d4)] = turned[3];
}

@compute @workgroup_size(INVOCATIONS)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let class_ = class_of(group.id.z);
  // Neighboring workgroups share rows: columns of tiles vary fastest, parts slowest.
  let columns = (params.C / 4u + TILE4 - 1u) / TILE4;
  let rows = (params.N * class_.rows * class_.columns + 4u * TILE4 - 1u) / (4u * TILE4);
  let id = number_of(group);
  let part = id / (rows * columns);
  if (part >= params.parts) {
    return;
  }
  let row4 = id / columns % rows * TILE4;
  let column4 = id % columns * TILE4;
  let stages = (class_.R * class_.S * params.K + 15u) / 16u;
  let length = (stages + params.parts - 1u) / params.parts;
  let end = min((part + 1u) * length, stages);

  let loads_a = LOADS_BOTH || lane < INVOCATIONS / 2u;
  let d4 = lane % 4u;
  let g = lane / 4u % TILE4;
  let four = sources(class_, 4u * (row4 + g));
  let c4 = min(column4 + g, params.C / 4u - 1u);
  let way = depth_at(class_, 4u);
  var at = depth_at(class_, 4u * part * length + d4);
  var next: Loaded;
  var next_b: Loaded;
  if (loads_a) {
    next = gradients(class_, four, at);
  } else {
    next = weights(class_, c4, at);
  }
  if (LOADS_BOTH) {
    next_b = weights(class_, c4, at);
  }

  let tx = column_of(lane);
  let ty = row_of(lane);
  var i: u32; var j: u32;
  var c00 = mat4x4f(); var c01 = mat4x4f(); var c10 = mat4x4f(); var c11 = mat4x4f();
  var a0: vec4f; var a1: vec4f; var b0: vec4f; var b1: vec4f;
  for (var stage = part * length; stage < end; stage++) {
    workgroupBarrier();  // the previous stage has been read
    let values = kept(next);
    if (loads_a) {
      fill_a(d4, g, values);
    } else {
      fill_b(d4, g, values);
    }
    if (LOADS_BOTH) {
      fill_b(d4, g, kept(next_b));
    }
    workgroupBarrier();  // this stage is complete
    at = plus(class_, at, way);
    if (loads_a) {
      next = gradients(class_, four, at);
    } else {
      next = weights(class_, c4, at);
    }
    if (LOADS_BOTH) {
      next_b = weights(class_, c4, at);
    }
    i = ty ^ 0u; j = tx ^ 0u;
    a0 = tile_a[0][i]; a1 = tile_a[0][i + HALF4]; b0 = tile_b[0][j]; b1 = tile_b[0][j + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[1][i]; a1 = tile_a[1][i + HALF4]; b0 = tile_b[1][j]; b1 = tile_b[1][j + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[2][i]; a1 = tile_a[2][i + HALF4]; b0 = tile_b[2][j]; b1 = tile_b[2][j + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[3][i]; a1 = tile_a[3][i + HALF4]; b0 = tile_b[3][j]; b1 = tile_b[3][j + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    i = ty ^ 2u; j = tx ^ 2u;
    a0 = tile_a[4][i]; a1 = tile_a[4][i + HALF4]; b0 = tile_b[4][j]; b1 = tile_b[4][j + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[5][i]; a1 = tile_a[5][i + HALF4]; b0 = tile_b[5][j]; b1 = tile_b[5][j + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[6][i]; a1 = tile_a[6][i + HALF4]; b0 = tile_b[6][j]; b1 = tile_b[6][j + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[7][i]; a1 = tile_a[7][i + HALF4]; b0 = tile_b[7][j]; b1 = tile_b[7][j + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    i = ty ^ 4u; j = tx ^ 4u;
    a0 = tile_a[8][i]; a1 = tile_a[8][i + HALF4]; b0 = tile_b[8][j]; b1 = tile_b[8][j + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[9][i]; a1 = tile_a[9][i + HALF4]; b0 = tile_b[9][j]; b1 = tile_b[9][j + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[10][i]; a1 = tile_a[10][i + HALF4]; b0 = tile_b[10][j]; b1 = tile_b[10][j + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[11][i]; a1 = tile_a[11][i + HALF4]; b0 = tile_b[11][j]; b1 = tile_b[11][j + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    i = ty ^ 6u; j = tx ^ 6u;
    a0 = tile_a[12][i]; a1 = tile_a[12][i + HALF4]; b0 = tile_b[12][j]; b1 = tile_b[12][j + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[13][i]; a1 = tile_a[13][i + HALF4]; b0 = tile_b[13][j]; b1 = tile_b[13][j + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[14][i]; a1 = tile_a[14][i + HALF4]; b0 = tile_b[14][j]; b1 = tile_b[14][j + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[15][i]; a1 = tile_a[15][i + HALF4]; b0 = tile_b[15][j]; b1 = tile_b[15][j + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
  }
  store(class_, part, 4u * (row4 + ty), column4 + tx, c00);
  store(class_, part, 4u * (row4 + ty), column4 + tx + HALF4, c01);
  store(class_, part, 4u * (row4 + ty + HALF4), column4 + tx, c10);
  store(class_, part, 4u * (row4 + ty + HALF4), column4 + tx + HALF4, c11);
}

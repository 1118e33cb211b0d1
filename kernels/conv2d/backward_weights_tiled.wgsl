// dw[part,r,s,c,k] = Σ_n,p,q  x[n, p·stride + r − pad, q·stride + s − pad, c] · dy[n,p,q,k]
//
// x [N,H,W,C], dy [N,P,Q,K], dw [parts,R,S,C,K]; C and K are multiples of 4. The output pixels (n,p,q) of a sum are its
// depth; it is split into parts, and the sum of dw over them is the gradient.
//
// The matrix product A·B of the windows [R·S·C, N·P·Q] and dy [N·P·Q, K] for discrete GPUs. A workgroup computes a tile of
// taps and channels × channels of one part, an invocation 8 × 8 of them in registers: two quadruples of rows × two of
// columns. 16 pixels at a time pass through workgroup memory, of which WebGPU guarantees 16 KB. As x and dy run along rows
// and columns, nothing is transposed: an invocation loads 2 vec4s of each, 4 for small tiles, always for the same tap and
// channels, while the products of the previous 16 pixels are computed.

@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read> dy: array<Stored>;
@group(0) @binding(2) var<storage, read_write> dw: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

// The value of a load, and whether it counts. Zeros are inserted only when a stage begins: any earlier, they would wait
// for the load.
struct Loaded { value: vec4f, valid: bool }

fn kept(loaded: Loaded) -> vec4f {
  return select(vec4f(), loaded.value, loaded.valid);
}

// Four channels of x at tap (r, s) of an output pixel; nothing outside the image or beyond the last pixel counts.
fn patch_at(at: Pixel, r: u32, s: u32, c4: u32) -> Loaded {
  let h = at.p * params.stride + r - params.pad;  // before the first row it wraps around to more than H
  let v = at.q * params.stride + s - params.pad;
  let inside = h < params.H && v < params.W && at.n < params.N;
  let index = ((at.n * params.H + h) * params.W + v) * (params.C / 4u) + c4;
  return Loaded(vec4f(x[select(0u, index, inside)]), inside);
}

// Four channels of dy at output pixel `at`, whose index in dy is known; nothing beyond the last pixel counts.
fn gradient_at(at: Pixel, index: u32) -> Loaded {
  let exists = at.n < params.N;
  return Loaded(vec4f(dy[select(0u, index, exists)]), exists);
}

// Four columns of four rows of dw.
fn store(part: u32, row: u32, k4: u32, block: mat4x4f) {
  let K4 = params.K / 4u;
  let rows = params.R * params.S * params.C;
  if (row < rows && k4 < K4) {
    let at = (part * rows + row) * K4 + k4;
    dw[at + 0u * K4] = block[0];
    dw[at + 1u * K4] = block[1];
    dw[at + 2u * K4] = block[2];
    dw[at + 3u * K4] = block[3];
  }
}

// Pixels from one load of an invocation to its next.
const STEP = INVOCATIONS / TILE4;

@compute @workgroup_size(INVOCATIONS)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  // Neighboring workgroups share rows: columns of tiles vary fastest, parts slowest.
  let columns = (params.K / 4u + TILE4 - 1u) / TILE4;
  let rows = (params.R * params.S * params.C + 4u * TILE4 - 1u) / (4u * TILE4);
  let id = number_of(group);
  let part = id / (rows * columns);
  if (part >= params.parts) {
    return;
  }
  let row4 = id / columns % rows * TILE4;
  let column4 = id % columns * TILE4;
  let stages = (params.N * params.P * params.Q + 15u) / 16u;
  let length = (stages + params.parts - 1u) / params.parts;
  let end = min((part + 1u) * length, stages);

  // An invocation loads every STEP-th pixel, always four channels of the same tap and four columns.
  let C4 = params.C / 4u;
  let d = lane / TILE4;
  let g = lane % TILE4;
  let row = min(row4 + g, params.R * params.S * C4 - 1u);
  let c4 = row % C4;
  let r = row / C4 / params.S;
  let s = row / C4 % params.S;
  let k4 = min(column4 + g, params.K / 4u - 1u);
  let way = pixel_at(STEP);
  var at = pixel_at(16u * part * length + d);
  var index = (16u * part * length + d) * (params.K / 4u) + k4;
  let index_way = STEP * (params.K / 4u);
  var x0 = patch_at(at, r, s, c4); var d0 = gradient_at(at, index);
  at = plus(at, way); index += index_way;
  var x1 = patch_at(at, r, s, c4); var d1 = gradient_at(at, index);
  at = plus(at, way); index += index_way;
  var x2: Loaded; var d2: Loaded; var x3: Loaded; var d3: Loaded;
  if (LOADS_BOTH) {
    x2 = patch_at(at, r, s, c4); d2 = gradient_at(at, index);
    at = plus(at, way); index += index_way;
    x3 = patch_at(at, r, s, c4); d3 = gradient_at(at, index);
    at = plus(at, way); index += index_way;
  }

  let tx = column_of(lane);
  let ty = row_of(lane);
  var c00 = mat4x4f(); var c01 = mat4x4f(); var c10 = mat4x4f(); var c11 = mat4x4f();
  var a0: vec4f; var a1: vec4f; var b0: vec4f; var b1: vec4f;
  for (var stage = part * length; stage < end; stage++) {
    workgroupBarrier();  // the previous stage has been read
    tile_a[d][g] = kept(x0); tile_b[d][g] = kept(d0);
    tile_a[d + STEP][g] = kept(x1); tile_b[d + STEP][g] = kept(d1);
    if (LOADS_BOTH) {
      tile_a[d + 2u * STEP][g] = kept(x2); tile_b[d + 2u * STEP][g] = kept(d2);
      tile_a[d + 3u * STEP][g] = kept(x3); tile_b[d + 3u * STEP][g] = kept(d3);
    }
    workgroupBarrier();  // this stage is complete
    x0 = patch_at(at, r, s, c4); d0 = gradient_at(at, index);
    at = plus(at, way); index += index_way;
    x1 = patch_at(at, r, s, c4); d1 = gradient_at(at, index);
    at = plus(at, way); index += index_way;
    if (LOADS_BOTH) {
      x2 = patch_at(at, r, s, c4); d2 = gradient_at(at, index);
      at = plus(at, way); index += index_way;
      x3 = patch_at(at, r, s, c4); d3 = gradient_at(at, index);
      at = plus(at, way); index += index_way;
    }
    a0 = tile_a[0][ty]; a1 = tile_a[0][ty + HALF4]; b0 = tile_b[0][tx]; b1 = tile_b[0][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[1][ty]; a1 = tile_a[1][ty + HALF4]; b0 = tile_b[1][tx]; b1 = tile_b[1][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[2][ty]; a1 = tile_a[2][ty + HALF4]; b0 = tile_b[2][tx]; b1 = tile_b[2][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[3][ty]; a1 = tile_a[3][ty + HALF4]; b0 = tile_b[3][tx]; b1 = tile_b[3][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[4][ty]; a1 = tile_a[4][ty + HALF4]; b0 = tile_b[4][tx]; b1 = tile_b[4][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[5][ty]; a1 = tile_a[5][ty + HALF4]; b0 = tile_b[5][tx]; b1 = tile_b[5][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[6][ty]; a1 = tile_a[6][ty + HALF4]; b0 = tile_b[6][tx]; b1 = tile_b[6][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[7][ty]; a1 = tile_a[7][ty + HALF4]; b0 = tile_b[7][tx]; b1 = tile_b[7][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[8][ty]; a1 = tile_a[8][ty + HALF4]; b0 = tile_b[8][tx]; b1 = tile_b[8][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[9][ty]; a1 = tile_a[9][ty + HALF4]; b0 = tile_b[9][tx]; b1 = tile_b[9][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[10][ty]; a1 = tile_a[10][ty + HALF4]; b0 = tile_b[10][tx]; b1 = tile_b[10][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[11][ty]; a1 = tile_a[11][ty + HALF4]; b0 = tile_b[11][tx]; b1 = tile_b[11][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[12][ty]; a1 = tile_a[12][ty + HALF4]; b0 = tile_b[12][tx]; b1 = tile_b[12][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[13][ty]; a1 = tile_a[13][ty + HALF4]; b0 = tile_b[13][tx]; b1 = tile_b[13][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[14][ty]; a1 = tile_a[14][ty + HALF4]; b0 = tile_b[14][tx]; b1 = tile_b[14][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[15][ty]; a1 = tile_a[15][ty + HALF4]; b0 = tile_b[15][tx]; b1 = tile_b[15][tx + HALF4];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
  }
  store(part, 4u * (row4 + ty), column4 + tx, c00);
  store(part, 4u * (row4 + ty), column4 + tx + HALF4, c01);
  store(part, 4u * (row4 + ty + HALF4), column4 + tx, c10);
  store(part, 4u * (row4 + ty + HALF4), column4 + tx + HALF4, c11);
}

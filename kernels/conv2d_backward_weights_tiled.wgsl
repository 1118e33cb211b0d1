// dw[part,r,s,c,k] = Σ_n,p,q  x[n, p·stride + r − pad, q·stride + s − pad, c] · dy[n,p,q,k]
//
// x [N,H,W,C], dy [N,P,Q,K], dw [parts,R,S,C,K]; C and K are multiples of 4. The output pixels (n,p,q) of a sum are its
// depth; it falls into parts, and the sum of dw over them is the gradient.
//
// The matrix product A·B of the windows [R·S·C, N·P·Q] and dy [N·P·Q, K] for discrete GPUs. A workgroup of 256 makes
// 128 taps and channels × 128 channels of one part, an invocation 8 × 8 of them in registers: two quadruples of rows ×
// two of columns, 64 apart. 16 pixels at a time pass through workgroup memory, of which 16 KB are all that WebGPU
// promises. As x and dy run along rows and columns, nothing is turned on the way: an invocation loads 2 vec4s of each,
// always for the same tap and channels, while the products of the 16 pixels before are made.
struct Params {
  N: u32, H: u32, W: u32, C: u32,  // input
  P: u32, Q: u32, K: u32,          // output
  R: u32, S: u32, stride: u32, pad: u32,
  parts: u32,                      // the pixels fall into this many parts, each with a sum of its own
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dw: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

// 16 pixels: 32 quadruples of rows of A, and as many of columns of B.
var<workgroup> tile_a: array<array<vec4f, 32>, 16>;
var<workgroup> tile_b: array<array<vec4f, 32>, 16>;

// An output pixel. Behind the last n is N or more.
struct Pixel { n: u32, p: u32, q: u32 }

fn pixel_at(m: u32) -> Pixel {
  return Pixel(m / (params.P * params.Q), m / params.Q % params.P, m % params.Q);
}

// One pixel and the way from there to another: carries, where a division would cost more than the loads.
fn plus(at: Pixel, way: Pixel) -> Pixel {
  let q = at.q + way.q;
  let row_ends = q >= params.Q;
  let p = at.p + way.p + select(0u, 1u, row_ends);
  let image_ends = p >= params.P;
  return Pixel(
    at.n + way.n + select(0u, 1u, image_ends),
    select(p, p - params.P, image_ends),
    select(q, q - params.Q, row_ends),
  );
}

// What a load brought, and whether it counts. Zeros are put in only when a stage begins: any earlier, they would wait
// for the load.
struct Loaded { value: vec4f, valid: bool }

fn kept(loaded: Loaded) -> vec4f {
  return select(vec4f(), loaded.value, loaded.valid);
}

// Four channels of x at tap (r, s) of an output pixel; nothing outside the image and behind the last pixel counts.
fn patch_at(at: Pixel, r: u32, s: u32, c4: u32) -> Loaded {
  let h = at.p * params.stride + r - params.pad;  // before the first row it wraps to more than H
  let v = at.q * params.stride + s - params.pad;
  let inside = h < params.H && v < params.W && at.n < params.N;
  let index = ((at.n * params.H + h) * params.W + v) * (params.C / 4u) + c4;
  return Loaded(x[select(0u, index, inside)], inside);
}

// Four channels of dy at output pixel `at`, whose index in dy is known; nothing behind the last pixel counts.
fn gradient_at(at: Pixel, index: u32) -> Loaded {
  let exists = at.n < params.N;
  return Loaded(dy[select(0u, index, exists)], exists);
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
  let rows = (params.R * params.S * params.C + 127u) / 128u;
  let id = group.x + group.y * groups.x;
  let part = id / (rows * columns);
  if (part >= params.parts) {
    return;
  }
  let row4 = id / columns % rows * 32u;
  let column4 = id % columns * 32u;
  let stages = (params.N * params.P * params.Q + 15u) / 16u;
  let length = (stages + params.parts - 1u) / params.parts;
  let end = min((part + 1u) * length, stages);

  // Every eighth pixel, always four channels of the same tap, and four columns.
  let C4 = params.C / 4u;
  let d = lane / 32u;
  let g = lane % 32u;
  let row = min(row4 + g, params.R * params.S * C4 - 1u);
  let c4 = row % C4;
  let r = row / C4 / params.S;
  let s = row / C4 % params.S;
  let k4 = min(column4 + g, params.K / 4u - 1u);
  let way = pixel_at(8u);
  var at = pixel_at(16u * part * length + d);
  var index = (16u * part * length + d) * (params.K / 4u) + k4;
  let index_way = 8u * (params.K / 4u);
  var x0 = patch_at(at, r, s, c4); var d0 = gradient_at(at, index);
  at = plus(at, way); index += index_way;
  var x1 = patch_at(at, r, s, c4); var d1 = gradient_at(at, index);
  at = plus(at, way); index += index_way;

  // Invocations that run in step, 32 or 64 of them, make 32 × 64 or 64 × 64 outputs: they share most of what they read.
  let tx = lane % 8u + lane / 64u % 2u * 8u;
  let ty = lane / 8u % 8u + lane / 128u * 8u;
  var c00 = mat4x4f(); var c01 = mat4x4f(); var c10 = mat4x4f(); var c11 = mat4x4f();
  var a0: vec4f; var a1: vec4f; var b0: vec4f; var b1: vec4f;
  for (var stage = part * length; stage < end; stage++) {
    workgroupBarrier();  // the stage before has been read
    tile_a[d + 0u][g] = kept(x0); tile_b[d + 0u][g] = kept(d0);
    tile_a[d + 8u][g] = kept(x1); tile_b[d + 8u][g] = kept(d1);
    workgroupBarrier();  // this one is there
    x0 = patch_at(at, r, s, c4); d0 = gradient_at(at, index);
    at = plus(at, way); index += index_way;
    x1 = patch_at(at, r, s, c4); d1 = gradient_at(at, index);
    at = plus(at, way); index += index_way;
    a0 = tile_a[0][ty]; a1 = tile_a[0][ty + 16u]; b0 = tile_b[0][tx]; b1 = tile_b[0][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[1][ty]; a1 = tile_a[1][ty + 16u]; b0 = tile_b[1][tx]; b1 = tile_b[1][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[2][ty]; a1 = tile_a[2][ty + 16u]; b0 = tile_b[2][tx]; b1 = tile_b[2][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[3][ty]; a1 = tile_a[3][ty + 16u]; b0 = tile_b[3][tx]; b1 = tile_b[3][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[4][ty]; a1 = tile_a[4][ty + 16u]; b0 = tile_b[4][tx]; b1 = tile_b[4][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[5][ty]; a1 = tile_a[5][ty + 16u]; b0 = tile_b[5][tx]; b1 = tile_b[5][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[6][ty]; a1 = tile_a[6][ty + 16u]; b0 = tile_b[6][tx]; b1 = tile_b[6][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[7][ty]; a1 = tile_a[7][ty + 16u]; b0 = tile_b[7][tx]; b1 = tile_b[7][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[8][ty]; a1 = tile_a[8][ty + 16u]; b0 = tile_b[8][tx]; b1 = tile_b[8][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[9][ty]; a1 = tile_a[9][ty + 16u]; b0 = tile_b[9][tx]; b1 = tile_b[9][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[10][ty]; a1 = tile_a[10][ty + 16u]; b0 = tile_b[10][tx]; b1 = tile_b[10][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[11][ty]; a1 = tile_a[11][ty + 16u]; b0 = tile_b[11][tx]; b1 = tile_b[11][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[12][ty]; a1 = tile_a[12][ty + 16u]; b0 = tile_b[12][tx]; b1 = tile_b[12][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[13][ty]; a1 = tile_a[13][ty + 16u]; b0 = tile_b[13][tx]; b1 = tile_b[13][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[14][ty]; a1 = tile_a[14][ty + 16u]; b0 = tile_b[14][tx]; b1 = tile_b[14][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
    a0 = tile_a[15][ty]; a1 = tile_a[15][ty + 16u]; b0 = tile_b[15][tx]; b1 = tile_b[15][tx + 16u];
    c00 += outer(a0, b0); c01 += outer(a0, b1); c10 += outer(a1, b0); c11 += outer(a1, b1);
  }
  store(part, 4u * (row4 + ty), column4 + tx, c00);
  store(part, 4u * (row4 + ty), column4 + tx + 16u, c01);
  store(part, 4u * (row4 + ty + 16u), column4 + tx, c10);
  store(part, 4u * (row4 + ty + 16u), column4 + tx + 16u, c11);
}

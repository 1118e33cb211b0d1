// y[part,n,p,q,k] = Σ_r,s,c  x[n, p·stride + r − pad, q·stride + s − pad, c] · w[r,s,c,k] (+ bias[k])
//
// x [N,H,W,C], w [R,S,C,K], bias [K], y [parts,N,P,Q,K]; C and K are multiples of 4. The taps and channels (r,s,c) of a sum
// are its depth; it is split into parts, and the sum of y over them is the convolution. Without BIAS, w is bound in its
// place.
//
// The matrix product A·B of the windows [N·P·Q, R·S·C] and the weights [R·S·C, K] on matrix units: see matrix_tiles.wgsl. An
// invocation loads the same four of each 32 of the depth for several pixels, and the same four filters for several of the
// depth; the next stage is loaded into registers while the products are computed.
override BIAS: bool = false;

@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read> w: array<Stored>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<Result>;
@group(0) @binding(4) var<uniform> params: Params;

// Where the window of an output pixel begins: row, column, and the index of that corner in x, in vec4s. All may be negative,
// as the padding lies outside of x.
struct Corner { row: i32, column: i32, index: i32 }

fn corner_of(pixel: u32) -> Corner {
  let m = min(pixel, params.N * params.P * params.Q - 1u);
  let row = i32(m / params.Q % params.P * params.stride) - i32(params.pad);
  let column = i32(m % params.Q * params.stride) - i32(params.pad);
  let image = i32(m / (params.P * params.Q) * params.H);
  return Corner(row, column, ((image + row) * i32(params.W) + column) * i32(params.C / 4u));
}

// Four channels of x at a tap of a window; only those inside the image count.
fn patch_of(corner: Corner, at: Depth) -> Loaded {
  let h = u32(corner.row + i32(at.r));
  let v = u32(corner.column + i32(at.s));
  let inside = h < params.H && v < params.W && at.r < params.R;
  let way = i32((at.r * params.W + at.s) * (params.C / 4u) + at.c4);
  return Loaded(x[select(0u, u32(corner.index + way), inside)], inside);
}

// Four filters of row d of w; rows beyond the last do not count.
fn weights_of(d: u32, k4: u32) -> Loaded {
  let exists = d < params.R * params.S * params.C;
  return Loaded(w[select(0u, d * (params.K / 4u) + k4, exists)], exists);
}

// The part that a sum belongs to.
alias Place = u32;

fn store(part: Place, pixel: u32, k4: u32, sum: vec4f) {
  let pixels = params.N * params.P * params.Q;
  if (pixel >= pixels || k4 >= params.K / 4u) {
    return;
  }
  var value = sum;
  if (BIAS && part == 0u) {
    value += bias[k4];
  }
  y[(part * pixels + pixel) * (params.K / 4u) + k4] = Result(value);
}

@compute @workgroup_size(INVOCATIONS)
fn main(
  group: Workgroup,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_id) subgroup: u32,
) {
  // Neighboring workgroups share rows: columns of tiles vary fastest, parts slowest.
  let columns = (params.K + TILE_N - 1u) / TILE_N;
  let rows = (params.N * params.P * params.Q + TILE_M - 1u) / TILE_M;
  let id = number_of(group);
  let part = id / (rows * columns);
  if (part >= params.parts) {
    return;
  }
  let row = id / columns % rows * TILE_M;
  let column = id % columns * TILE_N;
  let stages = (params.R * params.S * params.C + STEP - 1u) / STEP;
  let length = (stages + params.parts - 1u) / params.parts;
  let first = part * length;
  let beyond = min(first + length, stages) + 1u;

  var corners: array<Corner, MOST_LOADS_A>;
  for (var i = 0u; i < LOADS_A; i++) {
    corners[i] = corner_of(row + (lane + i * INVOCATIONS) / LINE_A4);
  }
  let way = depth_at(STEP / 4u);
  var at = depth_at(STEP / 4u * first + lane % LINE_A4);
  let k4 = min(column / 4u + lane % LINE_B4, params.K / 4u - 1u);
  var a: array<Loaded, MOST_LOADS_A>;
  var b: array<Loaded, MOST_LOADS_B>;
  var sums: Sums;
  place_sums(&sums, subgroup);
  // The first turn only loads.
  for (var stage = first; stage < beyond; stage++) {
    if (stage > first) {
      workgroupBarrier();  // the previous stage has been read
      for (var i = 0u; i < LOADS_A; i++) { fill_a(lane + i * INVOCATIONS, a[i]); }
      for (var i = 0u; i < LOADS_B; i++) { fill_b(lane + i * INVOCATIONS, b[i]); }
      workgroupBarrier();  // this stage is complete
    }
    for (var i = 0u; i < LOADS_A; i++) { a[i] = patch_of(corners[i], at); }
    for (var i = 0u; i < LOADS_B; i++) { b[i] = weights_of(STEP * stage + (lane + i * INVOCATIONS) / LINE_B4, k4); }
    at = plus(at, way);
    if (stage > first) {
      multiply(&sums);
    }
  }
  send(part, lane, row, column, &sums);
}

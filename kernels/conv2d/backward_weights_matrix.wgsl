// dw[part,r,s,c,k] = Σ_n,p,q  x[n, p·stride + r − pad, q·stride + s − pad, c] · dy[n,p,q,k]
//
// x [N,H,W,C], dy [N,P,Q,K], dw [parts,R,S,C,K]; C and K are multiples of 4. The output pixels (n,p,q) of a sum are its
// depth; it is split into parts, and the sum of dw over them is the gradient.
//
// The matrix product A·B of the windows [R·S·C, N·P·Q] and dy [N·P·Q, K] on matrix units: see matrix_tiles.wgsl. As x runs
// along the rows of A, tile A has a line for each pixel: the units take it as it is. An invocation loads the same four
// channels of a tap, and the same four of dy, of several pixels.
@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read> dy: array<Stored>;
@group(0) @binding(2) var<storage, read_write> dw: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

// A row of four of dw: r, s and channels of its tap.
fn tap_at(row4: u32) -> vec3u {
  let C4 = params.C / 4u;
  let i = min(row4, params.R * params.S * C4 - 1u);
  return vec3u(i / C4 / params.S, i / C4 % params.S, i % C4);
}

// Four channels of x at a tap of an output pixel; nothing outside the image or beyond the last pixel counts.
fn patch_of(at: Pixel, tap: vec3u) -> Loaded {
  let h = at.p * params.stride + tap.x - params.pad;  // before the first row it wraps around to more than H
  let v = at.q * params.stride + tap.y - params.pad;
  let inside = h < params.H && v < params.W && at.n < params.N;
  let index = ((at.n * params.H + h) * params.W + v) * (params.C / 4u) + tap.z;
  return Loaded(x[select(0u, index, inside)], inside);
}

// Four channels of dy at an output pixel; nothing beyond the last counts.
fn gradient_of(pixel: u32, k4: u32) -> Loaded {
  let exists = pixel < params.N * params.P * params.Q;
  return Loaded(dy[select(0u, pixel * (params.K / 4u) + k4, exists)], exists);
}

// The part that a sum belongs to.
alias Place = u32;

fn store(part: Place, row: u32, k4: u32, sum: vec4f) {
  let rows = params.R * params.S * params.C;
  if (row < rows && k4 < params.K / 4u) {
    dw[(part * rows + row) * (params.K / 4u) + k4] = sum;
  }
}

@compute @workgroup_size(INVOCATIONS)
fn main(
  group: Workgroup,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_id) subgroup: u32,
) {
  // Neighboring workgroups share rows: columns of tiles vary fastest, parts slowest.
  let columns = (params.K + TILE_N - 1u) / TILE_N;
  let rows = (params.R * params.S * params.C + TILE_M - 1u) / TILE_M;
  let id = number_of(group);
  let part = id / (rows * columns);
  if (part >= params.parts) {
    return;
  }
  let row = id / columns % rows * TILE_M;
  let column = id % columns * TILE_N;
  let stages = (params.N * params.P * params.Q + STEP - 1u) / STEP;
  let length = (stages + params.parts - 1u) / params.parts;
  let first = part * length;
  let beyond = min(first + length, stages) + 1u;

  let tap = tap_at(row / 4u + lane % LINE_A4);
  let k4 = min(column / 4u + lane % LINE_B4, params.K / 4u - 1u);
  let way = pixel_at(INVOCATIONS / LINE_A4);
  var at = pixel_at(STEP * first + lane / LINE_A4);
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
    for (var i = 0u; i < LOADS_A; i++) {
      a[i] = patch_of(at, tap);
      at = plus(at, way);
    }
    for (var i = 0u; i < LOADS_B; i++) { b[i] = gradient_of(STEP * stage + (lane + i * INVOCATIONS) / LINE_B4, k4); }
    if (stage > first) {
      multiply(&sums);
    }
  }
  send(part, lane, row, column, &sums);
}

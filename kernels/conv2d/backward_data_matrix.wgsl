// dx[part,n,h,w,c] = Σ_r,s,k  dy[n,p,q,k] · w[r,s,c,k]   where p·stride + r − pad = h and q·stride + s − pad = w
//
// dy [N,P,Q,K], w [R,S,C,K], dx [parts,N,H,W,C]; C and K are multiples of 4. The taps and channels (r,s,k) of a sum are
// its depth; it is split into parts, and the sum of dx over them is the gradient.
//
// The forward kernel with the roles of C and K exchanged: a workgroup computes a tile of input pixels × input channels of one
// part. As w runs along k too, tile B has a line for each input channel: the units take it as it is.
@group(0) @binding(0) var<storage, read> dy: array<Stored>;
@group(0) @binding(1) var<storage, read> w: array<Stored>;
@group(0) @binding(2) var<storage, read_write> dx: array<Result>;
@group(0) @binding(3) var<uniform> params: Params;

// The output pixel that saw a pixel of a class through its first tap: row and column, which may lie beyond the last, and
// the index in dy, in vec4s. Each further tap saw it one row or column before.
struct Seen { p: i32, q: i32, index: i32 }

fn seen_by(class_: Class, i: u32) -> Seen {
  let width = max(class_.columns, 1u);
  let size = max(class_.rows, 1u) * width;
  let n = i32(min(i / size, params.N - 1u));
  let p = i32(i % size / width + (class_.h + params.pad) / params.stride);
  let q = i32(i % width + (class_.w + params.pad) / params.stride);
  return Seen(p, q, ((n * i32(params.P) + p) * i32(params.Q) + q) * i32(params.K / 4u));
}

// Four channels of dy for a pixel; they count only if that output pixel saw it through this tap.
fn gradient_of(class_: Class, seen: Seen, at: Depth) -> Loaded {
  let p = u32(seen.p - i32(at.r));
  let q = u32(seen.q - i32(at.s));
  let present = p < params.P && q < params.Q && at.r < class_.R;
  let way = i32(at.k4) - i32((at.r * params.Q + at.s) * (params.K / 4u));
  return Loaded(dy[select(0u, u32(seen.index + way), present)], present);
}

// Four channels k of an input channel of w at a tap; taps beyond the last do not count.
fn weights_of(class_: Class, c: u32, at: Depth) -> Loaded {
  let exists = at.r < class_.R && at.s < class_.S;
  let tap = (class_.r + at.r * params.stride) * params.S + class_.s + at.s * params.stride;
  let index = (tap * params.C + min(c, params.C - 1u)) * (params.K / 4u) + at.k4;
  return Loaded(w[select(0u, index, exists)], exists);
}

// The part and the class of pixels that a sum belongs to.
struct Place { part: u32, class_: Class }

fn store(place: Place, i: u32, c4: u32, sum: vec4f) {
  let class_ = place.class_;
  let width = max(class_.columns, 1u);
  let size = max(class_.rows, 1u) * width;
  if (i >= params.N * class_.rows * class_.columns || c4 >= params.C / 4u) {
    return;
  }
  let h = i % size / width * params.stride + class_.h;
  let v = i % width * params.stride + class_.w;
  let pixel = ((place.part * params.N + i / size) * params.H + h) * params.W + v;
  dx[pixel * (params.C / 4u) + c4] = Result(sum);
}

@compute @workgroup_size(INVOCATIONS)
fn main(
  group: Workgroup,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_id) subgroup: u32,
) {
  let class_ = class_of(group.id.z);
  // Neighboring workgroups share rows: columns of tiles vary fastest, parts slowest.
  let columns = (params.C + TILE_N - 1u) / TILE_N;
  let rows = (params.N * class_.rows * class_.columns + TILE_M - 1u) / TILE_M;
  let id = number_of(group);
  let part = id / (rows * columns);
  if (part >= params.parts) {
    return;
  }
  let row = id / columns % rows * TILE_M;
  let column = id % columns * TILE_N;
  let stages = (class_.R * class_.S * params.K + STEP - 1u) / STEP;
  let length = (stages + params.parts - 1u) / params.parts;
  let first = part * length;
  let beyond = min(first + length, stages) + 1u;

  var seen: array<Seen, MOST_LOADS_A>;
  for (var i = 0u; i < LOADS_A; i++) {
    seen[i] = seen_by(class_, row + (lane + i * INVOCATIONS) / LINE_A4);
  }
  let way = depth_at(class_, STEP / 4u);
  var at = depth_at(class_, STEP / 4u * first + lane % LINE_A4);
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
    for (var i = 0u; i < LOADS_A; i++) { a[i] = gradient_of(class_, seen[i], at); }
    for (var i = 0u; i < LOADS_B; i++) { b[i] = weights_of(class_, column + (lane + i * INVOCATIONS) / LINE_B4, at); }
    at = plus(class_, at, way);
    if (stage > first) {
      multiply(&sums);
    }
  }
  send(Place(part, class_), lane, row, column, &sums);
}

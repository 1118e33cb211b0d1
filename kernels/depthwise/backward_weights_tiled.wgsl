// dk[part,r,s,c] = Σ_n,h,w  x[n, h + r − 3, w + s − 3, c] · dy[n,h,w,c]
//
// x and dy [N,H,W,C], dk [parts,7,7,1,C]; C is a multiple of 4. The tiles of 8 × 8 pixels of all images are split into parts,
// and the sum of dk over them is the gradient.
//
// For discrete GPUs: a workgroup sums the tiles of one part in turn, for 8 channels. An invocation owns one row of taps, 4 channels, and one row
// of the pixels of each tile: 8 pixels of dy meet 14 of x in 7 sums. In the end a tree adds those of the 8 rows, in a fixed
// order.
@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read> dy: array<Stored>;
@group(0) @binding(2) var<storage, read_write> dk: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

const QUADS = 2u; // quadruples of channels
const PER_ROW = QUADS * SIDE; // invocations of a row of pixels
const INVOCATIONS = PER_ROW * TILE;

var<workgroup> tile: array<vec4f, SEEN * SEEN * QUADS>;
var<workgroup> gradients: array<vec4f, TILE * TILE * QUADS>;
var<workgroup> sums: array<vec4f, INVOCATIONS>;

@compute @workgroup_size(INVOCATIONS)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let C4 = params.C / 4u;
  let blocks = (C4 + QUADS - 1u) / QUADS;
  let id = number_of(group);
  let part = id / blocks;
  if (part >= params.parts) {
    return;
  }
  let block = id % blocks * QUADS;
  let tiles = tile_count();
  let length = (tiles + params.parts - 1u) / params.parts;
  let end = min((part + 1u) * length, tiles);

  let quad = lane % QUADS;
  let r = lane / QUADS % SIDE;
  let row = lane / PER_ROW;
  var sum0 = vec4f(); var sum1 = vec4f(); var sum2 = vec4f(); var sum3 = vec4f();
  var sum4 = vec4f(); var sum5 = vec4f(); var sum6 = vec4f();
  for (var i = part * length; i < end; i++) {
    let place = place_of(i);
    workgroupBarrier(); // the previous tile has been read
    load(place, block, lane);
    workgroupBarrier(); // this tile is complete
    let first = (row + r) * SEEN * QUADS + quad;
    let x0 = tile[first];
    let x1 = tile[first + QUADS];
    let x2 = tile[first + 2u * QUADS];
    let x3 = tile[first + 3u * QUADS];
    let x4 = tile[first + 4u * QUADS];
    let x5 = tile[first + 5u * QUADS];
    let x6 = tile[first + 6u * QUADS];
    let x7 = tile[first + 7u * QUADS];
    let x8 = tile[first + 8u * QUADS];
    let x9 = tile[first + 9u * QUADS];
    let x10 = tile[first + 10u * QUADS];
    let x11 = tile[first + 11u * QUADS];
    let x12 = tile[first + 12u * QUADS];
    let x13 = tile[first + 13u * QUADS];
    let of_row = row * TILE * QUADS + quad;
    let d0 = gradients[of_row];
    let d1 = gradients[of_row + QUADS];
    let d2 = gradients[of_row + 2u * QUADS];
    let d3 = gradients[of_row + 3u * QUADS];
    let d4 = gradients[of_row + 4u * QUADS];
    let d5 = gradients[of_row + 5u * QUADS];
    let d6 = gradients[of_row + 6u * QUADS];
    let d7 = gradients[of_row + 7u * QUADS];
    sum0 += d0 * x0 + d1 * x1 + d2 * x2 + d3 * x3 + d4 * x4 + d5 * x5 + d6 * x6 + d7 * x7;
    sum1 += d0 * x1 + d1 * x2 + d2 * x3 + d3 * x4 + d4 * x5 + d5 * x6 + d6 * x7 + d7 * x8;
    sum2 += d0 * x2 + d1 * x3 + d2 * x4 + d3 * x5 + d4 * x6 + d5 * x7 + d6 * x8 + d7 * x9;
    sum3 += d0 * x3 + d1 * x4 + d2 * x5 + d3 * x6 + d4 * x7 + d5 * x8 + d6 * x9 + d7 * x10;
    sum4 += d0 * x4 + d1 * x5 + d2 * x6 + d3 * x7 + d4 * x8 + d5 * x9 + d6 * x10 + d7 * x11;
    sum5 += d0 * x5 + d1 * x6 + d2 * x7 + d3 * x8 + d4 * x9 + d5 * x10 + d6 * x11 + d7 * x12;
    sum6 += d0 * x6 + d1 * x7 + d2 * x8 + d3 * x9 + d4 * x10 + d5 * x11 + d6 * x12 + d7 * x13;
  }
  let c4 = block + quad;
  let all0 = over_rows(lane, sum0);
  let all1 = over_rows(lane, sum1);
  let all2 = over_rows(lane, sum2);
  let all3 = over_rows(lane, sum3);
  let all4 = over_rows(lane, sum4);
  let all5 = over_rows(lane, sum5);
  let all6 = over_rows(lane, sum6);
  if (row > 0u || c4 >= C4) {
    return;
  }
  let at = (part * SIDE + r) * SIDE * C4 + c4;
  dk[at] = all0;
  dk[at + C4] = all1;
  dk[at + 2u * C4] = all2;
  dk[at + 3u * C4] = all3;
  dk[at + 4u * C4] = all4;
  dk[at + 5u * C4] = all5;
  dk[at + 6u * C4] = all6;
}

// Copies a tile of dy, and what its taps see of x, to workgroup memory: 0 outside of the images.
fn load(place: Place, block: u32, lane: u32) {
  let C4 = params.C / 4u;
  for (var i = lane; i < SEEN * SEEN * QUADS; i += INVOCATIONS) {
    let c4 = block + i % QUADS;
    let at = pixel(place, i / QUADS / SEEN, i / QUADS % SEEN);
    tile[i] = select(vec4f(), vec4f(x[at.number * C4 + c4]), at.exists && c4 < C4);
  }
  for (var i = lane; i < TILE * TILE * QUADS; i += INVOCATIONS) {
    let c4 = block + i % QUADS;
    let at = pixel(place, i / QUADS / TILE + SIDE / 2u, i / QUADS % TILE + SIDE / 2u);
    gradients[i] = select(vec4f(), vec4f(dy[at.number * C4 + c4]), at.exists && c4 < C4);
  }
}

// The sum of the values of all rows, for the invocations of the first.
fn over_rows(lane: u32, value: vec4f) -> vec4f {
  workgroupBarrier(); // the last sum has been read
  sums[lane] = value;
  for (var half = TILE / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half * PER_ROW) {
      sums[lane] += sums[lane + half * PER_ROW];
    }
  }
  return sums[lane];
}

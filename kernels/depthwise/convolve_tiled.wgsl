// y[n,h,w,c] = Σ_r,s  x[n, h + r − 3, w + s − 3, c] · k[r,s,c] (+ bias[c])   7 × 7 taps, one filter per channel
//
// x and y [N,H,W,C], k [7,7,1,C], bias [C]; C is a multiple of 4. With FLIP the taps come in reverse order: from dy, that is
// the gradient dx of the input. Without BIAS, k is bound in its place.
//
// For discrete GPUs: a workgroup computes 8 × 8 pixels of 16 channels. It first copies what these see, 14 × 14 pixels, to workgroup memory,
// where each is read 49 / 4 times: an invocation computes 4 neighboring pixels of 4 channels, and shares what it reads of a
// row between them.
override FLIP: bool = false;
override BIAS: bool = false;

@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read> k: array<Stored>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<Result>;
@group(0) @binding(4) var<uniform> params: Params;

const QUADS = 4u; // quadruples of channels

var<workgroup> tile: array<vec4f, SEEN * SEEN * QUADS>;
var<workgroup> taps: array<vec4f, SIDE * SIDE * QUADS>;

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let C4 = params.C / 4u;
  let blocks = (C4 + QUADS - 1u) / QUADS;
  let id = number_of(group);
  if (id / blocks >= tile_count()) {
    return;
  }
  let place = place_of(id / blocks);
  let block = id % blocks * QUADS;
  for (var i = lane; i < SEEN * SEEN * QUADS; i += 64u) {
    let c4 = block + i % QUADS;
    let at = pixel(place, i / QUADS / SEEN, i / QUADS % SEEN);
    tile[i] = select(vec4f(), vec4f(x[at.number * C4 + c4]), at.exists && c4 < C4);
  }
  for (var i = lane; i < SIDE * SIDE * QUADS; i += 64u) {
    let c4 = min(block + i % QUADS, C4 - 1u);
    let tap = select(i / QUADS, SIDE * SIDE - 1u - i / QUADS, FLIP);
    taps[i] = vec4f(k[tap * C4 + c4]);
  }
  workgroupBarrier();

  let quad = lane % QUADS;
  let row = lane / QUADS / 2u;
  let column = lane / QUADS % 2u * 4u;
  let c4 = block + quad;
  var begin = vec4f();
  if (BIAS) {
    begin = bias[min(c4, C4 - 1u)];
  }
  var sum0 = begin; var sum1 = begin; var sum2 = begin; var sum3 = begin;
  for (var r = 0u; r < SIDE; r++) {
    let first = ((row + r) * SEEN + column) * QUADS + quad;
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
    let of_row = r * SIDE * QUADS + quad;
    let k0 = taps[of_row];
    let k1 = taps[of_row + QUADS];
    let k2 = taps[of_row + 2u * QUADS];
    let k3 = taps[of_row + 3u * QUADS];
    let k4 = taps[of_row + 4u * QUADS];
    let k5 = taps[of_row + 5u * QUADS];
    let k6 = taps[of_row + 6u * QUADS];
    sum0 += k0 * x0 + k1 * x1 + k2 * x2 + k3 * x3 + k4 * x4 + k5 * x5 + k6 * x6;
    sum1 += k0 * x1 + k1 * x2 + k2 * x3 + k3 * x4 + k4 * x5 + k5 * x6 + k6 * x7;
    sum2 += k0 * x2 + k1 * x3 + k2 * x4 + k3 * x5 + k4 * x6 + k5 * x7 + k6 * x8;
    sum3 += k0 * x3 + k1 * x4 + k2 * x5 + k3 * x6 + k4 * x7 + k5 * x8 + k6 * x9;
  }
  store(place, vec3u(row, column + 0u, c4), sum0);
  store(place, vec3u(row, column + 1u, c4), sum1);
  store(place, vec3u(row, column + 2u, c4), sum2);
  store(place, vec3u(row, column + 3u, c4), sum3);
}

// Four channels of a pixel of the tile, if the image has it.
fn store(place: Place, at: vec3u, value: vec4f) {
  let h = place.row + at.x;
  let v = place.column + at.y;
  let C4 = params.C / 4u;
  if (h < params.H && v < params.W && at.z < C4) {
    y[((place.image * params.H + h) * params.W + v) * C4 + at.z] = Result(value);
  }
}

// A product A·B on the matrix units of subgroups: f16 values, f32 sums. A workgroup computes a tile of TILE_M × TILE_N sums,
// each of its subgroups 4 × 4 matrices of what the units take. STEP of the depth at a time pass through workgroup memory.
//
// The products are written out, as matrices that a loop counts might not stay in registers. Loops count up by 1 to what does
// not change: others cost a guard against endless ones.

// Invocations of a subgroup.
override SUBGROUP_SIZE: u32;

// Rows and columns of a subgroup, and of a workgroup.
const ROWS = 4u * UNIT_M;
const COLUMNS = 4u * UNIT_N;
const TILE_M = GROUP_ROWS * ROWS;
const TILE_N = GROUP_COLUMNS * COLUMNS;
const STEP = 32u;
const SUBGROUPS = GROUP_ROWS * GROUP_COLUMNS;
override INVOCATIONS = SUBGROUPS * SUBGROUP_SIZE;

// Tiles in vec4s. A line is longer than what it holds by 16 bytes: the lines of a matrix then lie in different banks.
const LEAD_A4 = LINE_A4 + 2u;
const LEAD_B4 = LINE_B4 + 2u;
var<workgroup> tile_a: array<vec4h, LINES_A * LEAD_A4>;
var<workgroup> tile_b: array<vec4h, LINES_B * LEAD_B4>;

// The vec4s that an invocation loads of a tile, one of each INVOCATIONS: LOADS_A and LOADS_B, with subgroups of 8 as many
// as these.
override LOADS_A = LINES_A * LINE_A4 / INVOCATIONS;
override LOADS_B = LINES_B * LINE_B4 / INVOCATIONS;
const MOST_LOADS_A = LINES_A * LINE_A4 / (8u * SUBGROUPS);
const MOST_LOADS_B = LINES_B * LINE_B4 / (8u * SUBGROUPS);

// The value of a load, and whether it counts. Zeros are inserted only when a stage begins: any earlier, they would wait for
// the load.
struct Loaded { value: vec4h, counts: bool }

fn fill_a(i: u32, loaded: Loaded) {
  tile_a[i / LINE_A4 * LEAD_A4 + i % LINE_A4] = select(vec4h(), loaded.value, loaded.counts);
}

fn fill_b(i: u32, loaded: Loaded) {
  tile_b[i / LINE_B4 * LEAD_B4 + i % LINE_B4] = select(vec4h(), loaded.value, loaded.counts);
}

// The sums of a subgroup, and where in the tile they are.
struct Sums {
  subgroup: u32, row: u32, column: u32,
  c00: Sum, c01: Sum, c02: Sum, c03: Sum,
  c10: Sum, c11: Sum, c12: Sum, c13: Sum,
  c20: Sum, c21: Sum, c22: Sum, c23: Sum,
  c30: Sum, c31: Sum, c32: Sum, c33: Sum,
}

fn place_sums(sums: ptr<function, Sums>, subgroup: u32) {
  sums.subgroup = subgroup;
  sums.row = subgroup / GROUP_COLUMNS * ROWS;
  sums.column = subgroup % GROUP_COLUMNS * COLUMNS;
}

// Adds the product of the tiles: 16 products of matrices for each 8 that are loaded. Where subgroups vary in size and are
// smaller than SUBGROUP_SIZE, there are more than have sums.
fn multiply(sums: ptr<function, Sums>) {
  if (sums.subgroup >= SUBGROUPS) {
    return;
  }
  for (var turn = 0u; turn < STEP / UNIT_K; turn++) {
    let k = turn * UNIT_K;
    let a0 = left(sums.row, k);
    let a1 = left(sums.row + UNIT_M, k);
    let a2 = left(sums.row + 2u * UNIT_M, k);
    let a3 = left(sums.row + 3u * UNIT_M, k);
    let b0 = right(k, sums.column);
    sums.c00 = multiplied(a0, b0, sums.c00);
    sums.c10 = multiplied(a1, b0, sums.c10);
    sums.c20 = multiplied(a2, b0, sums.c20);
    sums.c30 = multiplied(a3, b0, sums.c30);
    let b1 = right(k, sums.column + UNIT_N);
    sums.c01 = multiplied(a0, b1, sums.c01);
    sums.c11 = multiplied(a1, b1, sums.c11);
    sums.c21 = multiplied(a2, b1, sums.c21);
    sums.c31 = multiplied(a3, b1, sums.c31);
    let b2 = right(k, sums.column + 2u * UNIT_N);
    sums.c02 = multiplied(a0, b2, sums.c02);
    sums.c12 = multiplied(a1, b2, sums.c12);
    sums.c22 = multiplied(a2, b2, sums.c22);
    sums.c32 = multiplied(a3, b2, sums.c32);
    let b3 = right(k, sums.column + 3u * UNIT_N);
    sums.c03 = multiplied(a0, b3, sums.c03);
    sums.c13 = multiplied(a1, b3, sums.c13);
    sums.c23 = multiplied(a2, b3, sums.c23);
    sums.c33 = multiplied(a3, b3, sums.c33);
  }
}

// Stores the matrix i of a subgroup's sums, by rows, as a box of the outbox.
fn post(sums: ptr<function, Sums>, i: u32, box: u32) {
  switch i {
    case 0u: { put(box, sums.c00); }
    case 1u: { put(box, sums.c01); }
    case 2u: { put(box, sums.c02); }
    case 3u: { put(box, sums.c03); }
    case 4u: { put(box, sums.c10); }
    case 5u: { put(box, sums.c11); }
    case 6u: { put(box, sums.c12); }
    case 7u: { put(box, sums.c13); }
    case 8u: { put(box, sums.c20); }
    case 9u: { put(box, sums.c21); }
    case 10u: { put(box, sums.c22); }
    case 11u: { put(box, sums.c23); }
    case 12u: { put(box, sums.c30); }
    case 13u: { put(box, sums.c31); }
    case 14u: { put(box, sums.c32); }
    case 15u: { put(box, sums.c33); }
    default: {}
  }
}

// Two matrices of each subgroup, by turns, on their way to `store`: a matrix has no elements, and only `store` knows which
// of them exist. While invocations read one, others write the next, so that one barrier between them suffices.
const BOX4 = UNIT_M * UNIT_N / 4u;
// Elements of all boxes that an invocation stores.
override SENDS = (SUBGROUPS * BOX4 + INVOCATIONS - 1u) / INVOCATIONS;
var<workgroup> outbox: array<vec4f, 2u * SUBGROUPS * BOX4>;

// Stores all sums of the workgroup's tile, which begins at this row and column.
fn send(place: Place, lane: u32, first_row: u32, first_column: u32, sums: ptr<function, Sums>) {
  for (var i = 0u; i < 16u; i++) {
    let boxes = i % 2u * SUBGROUPS * BOX4;
    if (sums.subgroup < SUBGROUPS) {
      post(sums, i, boxes + sums.subgroup * BOX4);
    }
    workgroupBarrier();
    for (var turn = 0u; turn < SENDS; turn++) {
      let j = lane + turn * INVOCATIONS;
      if (j >= SUBGROUPS * BOX4) {
        break;
      }
      let owner = j / BOX4;
      let row = owner / GROUP_COLUMNS * ROWS + i / 4u * UNIT_M + j % BOX4 / (UNIT_N / 4u);
      let column4 = (owner % GROUP_COLUMNS * COLUMNS + i % 4u * UNIT_N) / 4u + j % (UNIT_N / 4u);
      store(place, first_row + row, first_column / 4u + column4, outbox[boxes + j]);
    }
  }
}

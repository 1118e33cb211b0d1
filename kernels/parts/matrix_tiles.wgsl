// A product A·B on the matrix units of subgroups: f16 values, f32 sums. A workgroup computes a tile of TILE_M × TILE_N sums,
// each of its subgroups 4 × 4 matrices of what the units take. STEP of the depth at a time pass through workgroup memory.
//
// The products are written out, as matrices that a loop counts might not stay in registers.

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

alias Left = subgroup_matrix_left<f16, UNIT_K, UNIT_M>;
alias Right = subgroup_matrix_right<f16, UNIT_N, UNIT_K>;
alias Sum = subgroup_matrix_result<f32, UNIT_N, UNIT_M>;

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
  for (var k = 0u; k < STEP; k += UNIT_K) {
    let a0 = left(sums.row, k);
    let a1 = left(sums.row + UNIT_M, k);
    let a2 = left(sums.row + 2u * UNIT_M, k);
    let a3 = left(sums.row + 3u * UNIT_M, k);
    let b0 = right(k, sums.column);
    sums.c00 = subgroupMatrixMultiplyAccumulate(a0, b0, sums.c00);
    sums.c10 = subgroupMatrixMultiplyAccumulate(a1, b0, sums.c10);
    sums.c20 = subgroupMatrixMultiplyAccumulate(a2, b0, sums.c20);
    sums.c30 = subgroupMatrixMultiplyAccumulate(a3, b0, sums.c30);
    let b1 = right(k, sums.column + UNIT_N);
    sums.c01 = subgroupMatrixMultiplyAccumulate(a0, b1, sums.c01);
    sums.c11 = subgroupMatrixMultiplyAccumulate(a1, b1, sums.c11);
    sums.c21 = subgroupMatrixMultiplyAccumulate(a2, b1, sums.c21);
    sums.c31 = subgroupMatrixMultiplyAccumulate(a3, b1, sums.c31);
    let b2 = right(k, sums.column + 2u * UNIT_N);
    sums.c02 = subgroupMatrixMultiplyAccumulate(a0, b2, sums.c02);
    sums.c12 = subgroupMatrixMultiplyAccumulate(a1, b2, sums.c12);
    sums.c22 = subgroupMatrixMultiplyAccumulate(a2, b2, sums.c22);
    sums.c32 = subgroupMatrixMultiplyAccumulate(a3, b2, sums.c32);
    let b3 = right(k, sums.column + 3u * UNIT_N);
    sums.c03 = subgroupMatrixMultiplyAccumulate(a0, b3, sums.c03);
    sums.c13 = subgroupMatrixMultiplyAccumulate(a1, b3, sums.c13);
    sums.c23 = subgroupMatrixMultiplyAccumulate(a2, b3, sums.c23);
    sums.c33 = subgroupMatrixMultiplyAccumulate(a3, b3, sums.c33);
  }
}

// Stores the matrix i of a subgroup's sums, by rows, as a box of the outbox.
fn post(sums: ptr<function, Sums>, i: u32, box: u32) {
  switch i {
    case 0u: { subgroupMatrixStore<row_major>(&outbox, box, sums.c00, UNIT_N / 4u); }
    case 1u: { subgroupMatrixStore<row_major>(&outbox, box, sums.c01, UNIT_N / 4u); }
    case 2u: { subgroupMatrixStore<row_major>(&outbox, box, sums.c02, UNIT_N / 4u); }
    case 3u: { subgroupMatrixStore<row_major>(&outbox, box, sums.c03, UNIT_N / 4u); }
    case 4u: { subgroupMatrixStore<row_major>(&outbox, box, sums.c10, UNIT_N / 4u); }
    case 5u: { subgroupMatrixStore<row_major>(&outbox, box, sums.c11, UNIT_N / 4u); }
    case 6u: { subgroupMatrixStore<row_major>(&outbox, box, sums.c12, UNIT_N / 4u); }
    case 7u: { subgroupMatrixStore<row_major>(&outbox, box, sums.c13, UNIT_N / 4u); }
    case 8u: { subgroupMatrixStore<row_major>(&outbox, box, sums.c20, UNIT_N / 4u); }
    case 9u: { subgroupMatrixStore<row_major>(&outbox, box, sums.c21, UNIT_N / 4u); }
    case 10u: { subgroupMatrixStore<row_major>(&outbox, box, sums.c22, UNIT_N / 4u); }
    case 11u: { subgroupMatrixStore<row_major>(&outbox, box, sums.c23, UNIT_N / 4u); }
    case 12u: { subgroupMatrixStore<row_major>(&outbox, box, sums.c30, UNIT_N / 4u); }
    case 13u: { subgroupMatrixStore<row_major>(&outbox, box, sums.c31, UNIT_N / 4u); }
    case 14u: { subgroupMatrixStore<row_major>(&outbox, box, sums.c32, UNIT_N / 4u); }
    case 15u: { subgroupMatrixStore<row_major>(&outbox, box, sums.c33, UNIT_N / 4u); }
    default: {}
  }
}

// Two matrices of each subgroup, by turns, on their way to `store`: a matrix has no elements, and only `store` knows which
// of them exist. While invocations read one, others write the next, so that one barrier between them suffices.
const BOX4 = UNIT_M * UNIT_N / 4u;
var<workgroup> outbox: array<vec4f, 2u * SUBGROUPS * BOX4>;

// Stores all sums of the workgroup's tile, which begins at this row and column.
fn send(place: Place, lane: u32, first_row: u32, first_column: u32, sums: ptr<function, Sums>) {
  for (var i = 0u; i < 16u; i++) {
    let boxes = i % 2u * SUBGROUPS * BOX4;
    if (sums.subgroup < SUBGROUPS) {
      post(sums, i, boxes + sums.subgroup * BOX4);
    }
    workgroupBarrier();
    for (var j = lane; j < SUBGROUPS * BOX4; j += INVOCATIONS) {
      let owner = j / BOX4;
      let row = owner / GROUP_COLUMNS * ROWS + i / 4u * UNIT_M + j % BOX4 / (UNIT_N / 4u);
      let column4 = (owner % GROUP_COLUMNS * COLUMNS + i % 4u * UNIT_N) / 4u + j % (UNIT_N / 4u);
      store(place, first_row + row, first_column / 4u + column4, outbox[boxes + j]);
    }
  }
}

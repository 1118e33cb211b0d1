// What matrix units do: take matrices out of tiles in workgroup memory, multiply them, and put sums there.
alias Left = subgroup_matrix_left<f16, UNIT_K, UNIT_M>;
alias Right = subgroup_matrix_right<f16, UNIT_N, UNIT_K>;
alias Sum = subgroup_matrix_result<f32, UNIT_N, UNIT_M>;

// A matrix that begins at a vec4 of tile A or B: lines of the tile are its rows or its columns.
fn left_rows(at: u32) -> Left {
  return subgroupMatrixLoad<Left, row_major>(&tile_a, at, LEAD_A4);
}

fn left_columns(at: u32) -> Left {
  return subgroupMatrixLoad<Left, col_major>(&tile_a, at, LEAD_A4);
}

fn right_rows(at: u32) -> Right {
  return subgroupMatrixLoad<Right, row_major>(&tile_b, at, LEAD_B4);
}

fn right_columns(at: u32) -> Right {
  return subgroupMatrixLoad<Right, col_major>(&tile_b, at, LEAD_B4);
}

fn multiplied(a: Left, b: Right, sum: Sum) -> Sum {
  return subgroupMatrixMultiplyAccumulate(a, b, sum);
}

// Puts a sum into the box of the outbox that begins at this vec4, by rows.
fn put(box: u32, sum: Sum) {
  subgroupMatrixStore<row_major>(&outbox, box, sum, UNIT_N / 4u);
}

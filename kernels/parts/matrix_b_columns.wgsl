// Tile B, a line of which is one term of all sums and runs along the columns of the matrix.
const LINES_B = STEP;
const LINE_B4 = TILE_N / 4u;

fn right(depth: u32, column: u32) -> Right {
  return right_rows(depth * LEAD_B4 + column / 4u);
}

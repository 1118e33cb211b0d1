// Tile A, a line of which is one term of all sums and runs along the rows of the matrix.
const LINES_A = STEP;
const LINE_A4 = TILE_M / 4u;

fn left(row: u32, depth: u32) -> Left {
  return left_columns(depth * LEAD_A4 + row / 4u);
}

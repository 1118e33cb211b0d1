// Tile A, a line of which is a row of the matrix and runs along the depth.
const LINES_A = TILE_M;
const LINE_A4 = STEP / 4u;

fn left(row: u32, depth: u32) -> Left {
  return left_rows(row * LEAD_A4 + depth / 4u);
}

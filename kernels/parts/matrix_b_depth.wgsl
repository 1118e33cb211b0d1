// Tile B, a line of which is a column of the matrix and runs along the depth.
const LINES_B = TILE_N;
const LINE_B4 = STEP / 4u;

fn right(depth: u32, column: u32) -> Right {
  return right_columns(column * LEAD_B4 + depth / 4u);
}

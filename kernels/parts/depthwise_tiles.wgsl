// Tiles of 8 × 8 pixels of images, and the pixels that 7 × 7 taps on them see: 3 more on each side.
const TILE = 8u;
const SEEN = TILE + SIDE - 1u;

// A tile: its image, and its first row and column there.
struct Place { image: u32, row: u32, column: u32 }

// Tiles of all images.
fn tile_count() -> u32 {
  return params.N * ((params.H + TILE - 1u) / TILE) * ((params.W + TILE - 1u) / TILE);
}

fn place_of(i: u32) -> Place {
  let down = (params.H + TILE - 1u) / TILE;
  let across = (params.W + TILE - 1u) / TILE;
  return Place(i / (down * across), i / across % down * TILE, i % across * TILE);
}

// A pixel of all images, and whether it exists; if not, its number is 0.
struct Pixel { number: u32, exists: bool }

// The pixel in row r and column s of what tile `place` sees.
fn pixel(place: Place, r: u32, s: u32) -> Pixel {
  let h = place.row + r - SIDE / 2u; // wraps around below 0
  let v = place.column + s - SIDE / 2u;
  let exists = h < params.H && v < params.W;
  return Pixel(select(0u, (place.image * params.H + h) * params.W + v, exists), exists);
}

// Tiles of 8 × 8 pixels of images, and the pixels that 7 × 7 taps on them see: 3 more on each side.
struct Params { N: u32, H: u32, W: u32, C: u32, down: u32, across: u32, parts: u32 }

const SIDE = 7u;
const TILE = 8u;
const SEEN = TILE + SIDE - 1u;

// A tile: its image, and its first row and column there.
struct Place { image: u32, row: u32, column: u32 }

// Tile `i` of all images, of which each has `down` × `across`.
fn place_of(i: u32) -> Place {
  return Place(
    i / (params.down * params.across),
    i / params.across % params.down * TILE,
    i % params.across * TILE,
  );
}

// A pixel of all images, and whether it exists; if not, the index is 0.
struct Pixel { index: u32, inside: bool }

// The pixel in row r and column s of what tile `place` sees.
fn pixel(place: Place, r: u32, s: u32) -> Pixel {
  let h = place.row + r - SIDE / 2u; // wraps around below 0
  let v = place.column + s - SIDE / 2u;
  let inside = h < params.H && v < params.W;
  return Pixel(select(0u, (place.image * params.H + h) * params.W + v, inside), inside);
}

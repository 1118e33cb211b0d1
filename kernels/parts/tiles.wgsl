// Tiles of the matrices A and B of a product A·B in workgroup memory: 16 of the depth, TILE4 quadruples of rows of A and as
// many of columns of B.
var<workgroup> tile_a: array<array<vec4f, TILE4>, 16>;
var<workgroup> tile_b: array<array<vec4f, TILE4>, 16>;

// The other half of a tile, of which an invocation makes a second quadruple of rows and of columns.
const HALF4 = TILE4 / 2u;

// The products of four rows of A with four columns of B; a column of the matrix is a row of them.
fn outer(a: vec4f, b: vec4f) -> mat4x4f {
  return mat4x4f(a.x * b, a.y * b, a.z * b, a.w * b);
}

// Column and row of an invocation's first quadruples. Invocations that run in lockstep, 32 or 64 of them, compute 32 × 64
// or 64 × 64 outputs: they share most of what they read.
fn column_of(lane: u32) -> u32 {
  return lane % 8u + lane / 64u % 2u * 8u;
}

fn row_of(lane: u32) -> u32 {
  return lane / 8u % 8u + lane / 128u * 8u;
}

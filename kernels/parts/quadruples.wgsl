// Loads of four vec4s, which run along the depth and are transposed into a tile. The next stage is loaded while the
// products of the previous one are computed.

// The values of four loads, and which of them count.
struct Loaded { values: mat4x4f, valid: vec4<bool> }

// Zeros are inserted only when a stage begins: any earlier, they would wait for the loads.
fn kept(loaded: Loaded) -> mat4x4f {
  return mat4x4f(
    select(vec4f(), loaded.values[0], loaded.valid.x),
    select(vec4f(), loaded.values[1], loaded.valid.y),
    select(vec4f(), loaded.values[2], loaded.valid.z),
    select(vec4f(), loaded.values[3], loaded.valid.w),
  );
}

// Transposes 4 of the depth of quadruple g of rows into tile A. Quadruple g of row k lies at g xor k / 4 · 2: invocations
// that run in lockstep store those of four rows, which the xor puts into different banks.
fn fill_a(d4: u32, g: u32, values: mat4x4f) {
  let turned = transpose(values);
  tile_a[4u * d4 + 0u][g ^ (2u * d4)] = turned[0];
  tile_a[4u * d4 + 1u][g ^ (2u * d4)] = turned[1];
  tile_a[4u * d4 + 2u][g ^ (2u * d4)] = turned[2];
  tile_a[4u * d4 + 3u][g ^ (2u * d4)] = turned[3];
}

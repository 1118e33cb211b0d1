// Loads of four vec4s, which run along the depth and are turned on their way into a tile. What comes next is loaded while
// products are made of what came before.

// What four loads brought, and which of them count.
struct Loaded { values: mat4x4f, valid: vec4<bool> }

// Zeros are put in only when a stage begins: any earlier, they would wait for the loads.
fn kept(loaded: Loaded) -> mat4x4f {
  return mat4x4f(
    select(vec4f(), loaded.values[0], loaded.valid.x),
    select(vec4f(), loaded.values[1], loaded.valid.y),
    select(vec4f(), loaded.values[2], loaded.valid.z),
    select(vec4f(), loaded.values[3], loaded.valid.w),
  );
}

// Turns 4 of the depth of quadruple g of rows into tile A. Quadruple g of row k lies at g xor k / 4 · 2: invocations that run
// in step store those of four rows, which the xor puts on different banks.
fn fill_a(d4: u32, g: u32, values: mat4x4f) {
  let turned = transpose(values);
  tile_a[4u * d4 + 0u][g ^ (2u * d4)] = turned[0];
  tile_a[4u * d4 + 1u][g ^ (2u * d4)] = turned[1];
  tile_a[4u * d4 + 2u][g ^ (2u * d4)] = turned[2];
  tile_a[4u * d4 + 3u][g ^ (2u * d4)] = turned[3];
}

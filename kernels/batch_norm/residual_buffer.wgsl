// What is added to the result, read from a storage buffer.
@group(0) @binding(1) var<storage, read> residual: array<Stored>;

fn residual_at(i: u32) -> vec4f {
  return vec4f(residual[i]);
}

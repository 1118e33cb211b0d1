// The activations x, read from a storage buffer.
@group(0) @binding(0) var<storage, read> x: array<Stored>;

fn x_at(i: u32) -> vec4f {
  return vec4f(x[i]);
}

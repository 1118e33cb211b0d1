// The activations x, read from a storage buffer.
@group(0) @binding(0) var<storage, read> x: array<vec4f>;

fn x_at(i: u32) -> vec4f {
  return x[i];
}

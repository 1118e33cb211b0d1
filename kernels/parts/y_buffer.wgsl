// The activated results y, read from a storage buffer.
@group(0) @binding(2) var<storage, read> y: array<vec4f>;

fn y_at(i: u32) -> vec4f {
  return y[i];
}

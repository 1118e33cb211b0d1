// The activated results y, read from a storage buffer.
@group(0) @binding(2) var<storage, read> y: array<Stored>;

fn y_at(i: u32) -> vec4f {
  return vec4f(y[i]);
}

// The gradients dy, read from a storage buffer.
@group(0) @binding(1) var<storage, read> dy: array<Stored>;

fn dy_at(i: u32) -> vec4f {
  return vec4f(dy[i]);
}

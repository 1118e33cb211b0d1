// The gradients dy, read from a texture copy.
@group(0) @binding(1) var dy: texture_2d<f32>;

fn dy_at(i: u32) -> vec4f {
  return texel(dy, i);
}

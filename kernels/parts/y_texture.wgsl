// The activated results y, read from a texture copy.
@group(0) @binding(2) var y: texture_2d<f32>;

fn y_at(i: u32) -> vec4f {
  return texel(y, i);
}

// What is added to the result, read from a texture copy.
@group(0) @binding(1) var residual: texture_2d<f32>;

fn residual_at(i: u32) -> vec4f {
  return texel(residual, i);
}

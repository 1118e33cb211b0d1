// The activations x, read from a texture copy.
@group(0) @binding(0) var x: texture_2d<f32>;

fn x_at(i: u32) -> vec4f {
  return texel(x, i);
}

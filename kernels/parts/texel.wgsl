// Element i of a texture copy: 1024 texels of four floats in a row, see Access in src/gpu/kernel.ts.
fn texel(image: texture_2d<f32>, i: u32) -> vec4f {
  return textureLoad(image, vec2u(i % 1024u, i / 1024u), 0);
}

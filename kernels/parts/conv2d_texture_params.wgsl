// The sizes of a convolution whose weights are read from a texture copy.
struct Params {
  N: u32, H: u32, W: u32, C: u32,  // input
  P: u32, Q: u32, K: u32,          // output
  R: u32, S: u32, stride: u32, pad: u32,
  w_at: u32,                       // texels before w in its texture
}

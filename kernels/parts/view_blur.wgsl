// Beyond the border the image is reflected, without its last pixel.

fn reflected(i: i32) -> u32 {
  let inner = abs(i);
  return u32(select(inner, 2 * (i32(SIZE) - 1) - inner, inner >= i32(SIZE)));
}

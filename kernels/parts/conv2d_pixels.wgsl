// For dw: the depth, the output pixels of a sum.

// An output pixel. Beyond the last n is N or more.
struct Pixel { n: u32, p: u32, q: u32 }

fn pixel_at(m: u32) -> Pixel {
  return Pixel(m / (params.P * params.Q), m / params.Q % params.P, m % params.Q);
}

// A pixel and the distance to another: carries, where a division would cost more than the loads.
fn plus(at: Pixel, way: Pixel) -> Pixel {
  let q = at.q + way.q;
  let row_ends = q >= params.Q;
  let p = at.p + way.p + select(0u, 1u, row_ends);
  let image_ends = p >= params.P;
  return Pixel(
    at.n + way.n + select(0u, 1u, image_ends),
    select(p, p - params.P, image_ends),
    select(q, q - params.Q, row_ends),
  );
}

// For y: the depth, the taps and channels of a sum, in steps of four channels.

// A position in the depth: tap (r, s) and four channels. Beyond the end r is R or more.
struct Depth { r: u32, s: u32, c4: u32 }

fn depth_at(d4: u32) -> Depth {
  let tap = d4 / (params.C / 4u);
  return Depth(tap / params.S, tap % params.S, d4 % (params.C / 4u));
}

// A position and the distance to another: carries, where a division would cost more than the loads.
fn plus(at: Depth, way: Depth) -> Depth {
  let c4 = at.c4 + way.c4;
  let next_tap = c4 >= params.C / 4u;
  let s = at.s + way.s + select(0u, 1u, next_tap);
  let next_row = s >= params.S;
  return Depth(
    at.r + way.r + select(0u, 1u, next_row),
    select(s, s - params.S, next_row),
    select(c4, c4 - params.C / 4u, next_tap),
  );
}

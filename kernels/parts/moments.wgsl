// Mean and sum of squared deviations of `count` rows, joined by the formula of Chan et al. (1979).
struct Moments { count: f32, mean: vec4f, m2: vec4f }

// Both may be empty: then the total is empty too.
fn merged(a: Moments, b: Moments) -> Moments {
  let total = a.count + b.count;
  let delta = b.mean - a.mean;
  return Moments(
    total,
    a.mean + delta * (b.count / max(total, 1.0)),
    a.m2 + (b.m2 + delta * delta * (a.count * b.count / max(total, 1.0))),
  );
}

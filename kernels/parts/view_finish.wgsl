// The last operations on a view's pixels: solarize, then normalize.

struct Finish { threshold: f32, mean: vec3f, deviation: vec3f }

// Values at or above the threshold are inverted; none is if the view is not solarized.
fn finish_at(at: u32) -> Finish {
  return Finish(
    select(2.0, bitcast<f32>(table[at + 19u]), table[at + 18u] != 0),
    vec3f(params.mean_r, params.mean_g, params.mean_b),
    vec3f(params.std_r, params.std_g, params.std_b),
  );
}

fn finished(color: vec3f, finish: Finish) -> vec4f {
  let solarized = select(color, 1.0 - color, color >= vec3f(finish.threshold));
  return vec4f((solarized - finish.mean) / finish.deviation, 0.0);
}

// Comparisons that keep NaN, by the bits: drivers differ in what they make of comparisons with NaN.

// max(v, 0), but NaN stays NaN: negative numbers are recognized by their bits.
fn rectified(v: vec4f) -> vec4f {
  return select(v, vec4f(), bitcast<vec4u>(v) - vec4u(0x80000001u) <= vec4u(0x7f7fffffu));
}

// dy where the activation passed it on: not where y is 0. NaN is not 0.
fn passed(dy: vec4f, y: vec4f) -> vec4f {
  return select(dy, vec4f(), (bitcast<vec4u>(y) << vec4u(1u)) == vec4u());
}

// The larger of two numbers that are not negative, which compare as their bits do; NaN is the largest of these.
fn larger(a: f32, b: f32) -> f32 {
  return bitcast<f32>(max(bitcast<u32>(a), bitcast<u32>(b)));
}

fn is_nan(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;
}

fn are_nan(v: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}

// exp(v) and log(v); of NaN, SwiftShader takes the first for infinite and the second for a number.
fn exponential(v: f32) -> f32 {
  return select(exp(v), v, is_nan(v));
}

fn logarithm(v: f32) -> f32 {
  return select(log(v), v, is_nan(v));
}

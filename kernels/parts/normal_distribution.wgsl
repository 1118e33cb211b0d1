// The standard normal distribution: its density φ without the factor 1 / √2π, and Φ, the share of it below x.
//
// WGSL has no erf. For t = |x| the tail Φ(−t) = exp(−t² / 2) · P(1 / (1 + t · .2625)) with a polynomial P, fitted to a
// relative error of 3e-8; in float32 Φ is off by at most 2.5e-7, as exp is rounded.
struct Normal { share: vec4f, bell: vec4f }

fn normal(x: vec4f) -> Normal {
  let t = abs(x);
  let bell = exp(-0.5 * t * t);
  let u = 1.0 / (1.0 + 0.2625 * t);
  var p = 0.02989189326763153 * u - 0.14471197128295898;
  p = p * u + 0.22640341520309448;
  p = p * u - 0.12395884841680527;
  p = p * u + 0.14271095395088196;
  p = p * u + 0.058550383895635605;
  p = p * u + 0.10213640332221985;
  p = p * u + 0.10423336923122406;
  p = p * u + 0.10474439710378647;
  let tail = p * u * bell;
  return Normal(select(1.0 - tail, tail, x < vec4f()), bell);
}

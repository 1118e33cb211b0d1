// L[m,g] = −log p[m,g,label_m],   p[m,g,·] = softmax(logits[m,g,0…classes−1]),   dlogits = rate_g / M · (p − 1{label_m})
//
// logits and dlogits [M, G, K]: G classifiers side by side, K the number of classes rounded up to a multiple of 4, of
// which the columns beyond the last class get the gradient 0. labels [M]: the class as a float, −1 where there is none; such
// a row has neither loss nor gradient. rates [G] scale the gradients, so that G learning rates are tried at once. losses
// [M, G].
//
// An invocation owns a row of one classifier: three passes over its few classes, the last two from the cache.
// The maximum is subtracted before exponentiation.
struct Params { M: u32, G: u32, K: u32, classes: u32 }

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<f32>;
@group(0) @binding(2) var<storage, read> rates: array<f32>;
@group(0) @binding(3) var<storage, read_write> dlogits: array<f32>;
@group(0) @binding(4) var<storage, read_write> losses: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let i = number_of(group) * 64u + lane;
  if (i >= params.M * params.G) {
    return;
  }
  let first = i * params.K;
  let label = i32(labels[i / params.G]);
  var largest = logits[first];
  for (var k = 1u; k < params.classes; k++) {
    largest = max(largest, logits[first + k]);
  }
  var sum = 0.0;
  for (var k = 0u; k < params.classes; k++) {
    sum += exponential(logits[first + k] - largest);
  }
  let scale = select(0.0, rates[i % params.G] / f32(params.M), label >= 0);
  for (var k = 0u; k < params.K; k++) {
    let p = exponential(logits[first + k] - largest) / sum;
    let gradient = scale * (p - select(0.0, 1.0, i32(k) == label));
    dlogits[first + k] = select(0.0, gradient, k < params.classes);
  }
  let own = logits[first + u32(max(label, 0))];
  losses[i] = select(0.0, logarithm(sum) + (largest - own), label >= 0);
}

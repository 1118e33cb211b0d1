// ratio = coefficient · ‖θ‖ / ‖g + λ·θ‖ of a parameter, 1 where either norm is 0 and for parameters that are not adapted
//
// sums [pieces, 2] (Σ θ², Σ (g + λ·θ)²), spans [parameters, 4] (first piece, number of pieces, 1 if it is adapted, 0),
// ratios [parameters]. A workgroup takes four parameters, as most have few pieces: 16 lanes to each take every 16th, and a
// tree in workgroup memory adds the lanes' sums, in a fixed order. You et al. 2017. With CLIP, min(ratio / lr, 1): the
// parameter's rate lr · ratio is then at most lr, as solo-learn's LARS has it. A NaN norm makes the ratio NaN.
override CLIP: bool = false;

struct Params { coefficient: f32, parameters: u32 }

const PARAMETERS = 4u;
const LANES = 16u;

@group(0) @binding(0) var<storage, read> sums: array<vec2f>;
@group(0) @binding(1) var<storage, read> spans: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> ratios: array<f32>;
@group(0) @binding(3) var<uniform> step: Step;
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> partial: array<vec2f, PARAMETERS * LANES>;

fn ratio_of(norms: vec2f) -> f32 {
  if (any(norms == vec2f()) && !is_nan(norms.x + norms.y)) {
    return 1.0;
  }
  let ratio = params.coefficient * sqrt(norms.x / larger(norms.y, 1e-30));
  if (CLIP && !is_nan(ratio)) {
    return min(ratio / step.lr, 1.0);
  }
  return ratio;
}

@compute @workgroup_size(PARAMETERS * LANES)
fn main(group: Workgroup, @builtin(local_invocation_index) invocation: u32) {
  let parameter = number_of(group) * PARAMETERS + invocation / LANES;
  let lane = invocation % LANES;
  // Not a return where there is no such parameter: all invocations must reach the barriers.
  let exists = parameter < params.parameters;
  let span = spans[select(0u, parameter, exists)];
  var sum = vec2f();
  for (var i = span.x + lane; i < span.x + span.y; i += LANES) {
    sum += sums[i];
  }
  partial[invocation] = sum;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      sum += partial[invocation + half];
      partial[invocation] = sum;
    }
  }
  if (exists && lane == 0u) {
    ratios[parameter] = select(1.0, ratio_of(sum), span.z == 1u);
  }
}

// After a step: scale ← scale / 2 if its gradients overflowed; 2 · scale after `growth` steps in a row that did not
//
// ring[slot] = (the scale of this step, 1 if it was skipped). Without DYNAMIC the scale stays. Between LEAST and MOST its
// powers of two and their inverses are exact. Micikevicius et al. 2018, section 3.2. One invocation.
override DYNAMIC: bool = true;

struct Params { growth: f32 }

const LEAST = 1.0;
const MOST = 16777216.0;

@group(0) @binding(0) var<storage, read_write> loss_scale: array<u32>;
@group(0) @binding(1) var<storage, read_write> ring: array<vec2f>;
@group(0) @binding(2) var<uniform> step: Step;
@group(0) @binding(3) var<uniform> params: Params;

fn rescale(factor: f32) {
  loss_scale[SCALE] = bitcast<u32>(factor * bitcast<f32>(loss_scale[SCALE]));
  loss_scale[INVERSE] = bitcast<u32>(bitcast<f32>(loss_scale[INVERSE]) / factor);
}

@compute @workgroup_size(1)
fn main() {
  let scale = bitcast<f32>(loss_scale[SCALE]);
  let overflow = loss_scale[OVERFLOW] != 0u;
  ring[step.slot] = vec2f(scale, select(0.0, 1.0, overflow));
  loss_scale[OVERFLOW] = 0u;
  var good = select(bitcast<f32>(loss_scale[GOOD]) + 1.0, 0.0, overflow);
  if (overflow) {
    loss_scale[SKIPPED] = bitcast<u32>(bitcast<f32>(loss_scale[SKIPPED]) + 1.0);
  }
  if (DYNAMIC && overflow && scale > LEAST) {
    rescale(0.5);
  }
  if (DYNAMIC && good >= params.growth) {
    good = 0.0;
    if (scale < MOST) {
      rescale(2.0);
    }
  }
  loss_scale[GOOD] = bitcast<u32>(good);
}

// The residual's gradients, which are dy before: a buffer cannot be bound for reading and again for writing.
@group(0) @binding(1) var<storage, read_write> dresidual: array<Stored>;
@group(0) @binding(7) var<uniform> params: Params;

fn dy_at(i: u32) -> vec4f {
  return vec4f(dresidual[i]);
}

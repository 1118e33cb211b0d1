// Networks compute with copies of θ and ξ in float16. A step whose gradients overflowed is skipped.
@group(0) @binding(5) var<storage, read_write> theta_copy: array<Result>;
@group(0) @binding(6) var<storage, read_write> xi_copy: array<Result>;
@group(0) @binding(7) var<storage, read> loss_scale: array<u32>;
@group(0) @binding(8) var<uniform> step: Step;
@group(0) @binding(9) var<uniform> params: Params;

fn is_skipped() -> bool {
  return loss_scale[OVERFLOW] != 0u;
}

fn copy_theta(i: u32, value: vec4f) {
  theta_copy[i] = Result(value);
}

fn copy_xi(i: u32, value: vec4f) {
  xi_copy[i] = Result(value);
}

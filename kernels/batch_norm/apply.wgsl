// y = act((x − mean_g) / √(var_g + eps) · gamma + beta [+ residual])   act: ReLU or nothing
//
// x, residual and y [G·M, C], statistics [G, 2, C], gamma and beta [C]. Without RESIDUAL, x is bound in its place.
// Each group is split into parts of ROWS rows. This dispatch computes the parts `first` … `end` − 1; x, residual and y
// are bound starting at their row `row`.
//
// An invocation owns 4 channels of one part, so that the channel's constants are read once for all.
override RELU: bool = false;
override RESIDUAL: bool = false;

struct Params { M: u32, C: u32, first: u32, end: u32, row: u32 }

const ROWS = 16u;

@group(0) @binding(2) var<storage, read> statistics: array<vec4f>;
@group(0) @binding(3) var<storage, read> gamma: array<vec4f>;
@group(0) @binding(4) var<storage, read> beta: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> y: array<Result>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let C4 = params.C / 4u;
  let parts = (params.M + ROWS - 1u) / ROWS;
  let id = number_of(group) * 64u + lane;
  let c4 = id % C4;
  let which = params.first + id / C4;
  if (which >= params.end) {
    return;
  }
  let begin = which % parts * ROWS;
  let g = which / parts;
  let before = g * params.M - params.row; // rows before the group, minus those before the slices
  let mean = statistics[g * 2u * C4 + c4];
  let scale = statistics[(g * 2u + 1u) * C4 + c4] * gamma[c4];
  let shift = beta[c4];
  for (var m = begin; m < min(begin + ROWS, params.M); m++) {
    let at = (before + m) * C4 + c4;
    var value = (x_at(at) - mean) * scale + shift;
    if (RESIDUAL) {
      value += residual_at(at);
    }
    if (RELU) {
      value = rectified(value);
    }
    y[at] = Result(value);
  }
}

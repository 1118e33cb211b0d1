// dx = gamma / √(var_g + eps) · (dz − Σ dz / M − x̂ · Σ dz · x̂ / M), sums over the group; dresidual = dz
//
// x, y, dx and dy [G·M, C], statistics and sums [G, 2, C], gamma [C]. With RESIDUAL, dz overwrites dy
// and becomes the residual's gradient. Without RELU, x is bound in place of y.
// Each group is split into parts of ROWS rows. This dispatch computes the parts `first` … `end` − 1; x, y, dx and dy
// are bound starting at their row `row`. An invocation owns 4 channels of one part.
override RELU: bool = false;
override RESIDUAL: bool = false;

struct Params { M: u32, C: u32, first: u32, end: u32, row: u32 }

const ROWS = 16u;

@group(0) @binding(3) var<storage, read> statistics: array<vec4f>;
@group(0) @binding(4) var<storage, read> sums: array<vec4f>;
@group(0) @binding(5) var<storage, read> gamma: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> dx: array<Result>;

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
  let rstd = statistics[(g * 2u + 1u) * C4 + c4];
  let scale = rstd * gamma[c4];
  let mean_dz = sums[g * 2u * C4 + c4] / f32(params.M);
  let mean_product = sums[(g * 2u + 1u) * C4 + c4] / f32(params.M);
  for (var m = begin; m < min(begin + ROWS, params.M); m++) {
    let at = (before + m) * C4 + c4;
    var dz = dy_at(at);
    if (RELU) {
      dz = passed(dz, y_at(at));
    }
    if (RESIDUAL) {
      dresidual[at] = Stored(dz);
    }
    dx[at] = Result(scale * (dz - mean_dz - (x_at(at) - mean) * rstd * mean_product));
  }
}

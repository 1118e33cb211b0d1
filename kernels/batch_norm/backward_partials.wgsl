// Σ dz and Σ dz · x̂ of each channel in each part of the rows, where x̂ = (x − mean_g) / √(var_g + eps) and dz is dy
// where the activation passed it on.
//
// x, y and dy [G·M, C], statistics [G, 2, C], partials [G, parts, 2, C]. Without RELU, x is bound in place of y.
// This dispatch computes the parts `first` … `end` − 1 of all G·parts; x, y and dy are bound starting at their row `row`.
// An invocation owns 4 channels of one part. Two rows are in flight at a time: drivers do not unroll such loops.
override RELU: bool = false;

struct Params { M: u32, C: u32, first: u32, end: u32, row: u32, parts: u32, length: u32 }

@group(0) @binding(3) var<storage, read> statistics: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(5) var<uniform> params: Params;

fn dz_at(at: u32) -> vec4f {
  if (RELU) {
    return passed(dy_at(at), y_at(at));
  }
  return dy_at(at);
}

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let C4 = params.C / 4u;
  let id = number_of(group) * 64u + lane;
  let c4 = id % C4;
  let which = params.first + id / C4;
  if (which >= params.end) {
    return;
  }
  let part = which % params.parts;
  let g = which / params.parts;
  let before = g * params.M - params.row; // rows before the group, minus those before the slices
  let mean = statistics[g * 2u * C4 + c4];
  let rstd = statistics[(g * 2u + 1u) * C4 + c4];
  var sum = vec4f();
  var product = vec4f();
  let end = min((part + 1u) * params.length, params.M);
  var m = part * params.length;
  for (; m + 2u <= end; m += 2u) {
    let at = (before + m) * C4 + c4;
    let first = dz_at(at);
    let second = dz_at(at + C4);
    let x_first = x_at(at);
    let x_second = x_at(at + C4);
    sum = sum + first + second;
    product = product + first * ((x_first - mean) * rstd) + second * ((x_second - mean) * rstd);
  }
  if (m < end) {
    let at = (before + m) * C4 + c4;
    let dz = dz_at(at);
    sum += dz;
    product += dz * ((x_at(at) - mean) * rstd);
  }
  let at = (g * params.parts + part) * 2u * C4 + c4;
  partials[at] = sum;
  partials[at + C4] = product;
}

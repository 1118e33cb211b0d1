// Σ dy, and with PRODUCT Σ dy · x, of each channel in each part of the rows
//
// x and dy [M, C], C a multiple of 4; partials [parts, 2, C]. Without PRODUCT, dy is bound in place of x.
// This dispatch computes the parts `first` … `end` − 1; x and dy are bound starting at their row `row`.
// An invocation owns 4 channels of one part.
override PRODUCT: bool = false;

struct Params { M: u32, C: u32, first: u32, end: u32, row: u32, parts: u32, length: u32 }

@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read> dy: array<Stored>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let C4 = params.C / 4u;
  let id = number_of(group) * 64u + lane;
  let c4 = id % C4;
  let part = params.first + id / C4;
  if (part >= params.end) {
    return;
  }
  var sum = vec4f();
  var product = vec4f();
  let end = min((part + 1u) * params.length, params.M) - params.row;
  for (var m = part * params.length - params.row; m < end; m++) {
    let value = vec4f(dy[m * C4 + c4]);
    sum += value;
    if (PRODUCT) {
      product += value * vec4f(x[m * C4 + c4]);
    }
  }
  partials[part * 2u * C4 + c4] = sum;
  partials[(part * 2u + 1u) * C4 + c4] = product;
}

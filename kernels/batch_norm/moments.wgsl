// Mean, and sum of squared deviations from it, of each channel in each part of the rows.
//
// x [G·M, C], partials [G, parts, 2, C]. The rows of each of G groups (views) are split into `parts` parts of `length` rows.
// This dispatch computes the parts `first` … `end` − 1 of all G·parts; x is bound starting at its row `row`.
//
// An invocation owns 4 channels of one part and reads it once. The sums are taken around the part's first row, so
// that a mean far from zero costs no precision. Four rows are in flight at a time: drivers do not unroll such loops.
struct Params { M: u32, C: u32, first: u32, end: u32, row: u32, parts: u32, length: u32 }

@group(0) @binding(1) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

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
  let begin = part * params.length;
  let end = min(begin + params.length, params.M);
  let origin = x_at((before + begin) * C4 + c4);
  var sum = vec4f();
  var squares = vec4f();
  var m = begin + 1u;
  for (; m + 4u <= end; m += 4u) {
    let at = (before + m) * C4 + c4;
    let d0 = x_at(at) - origin;
    let d1 = x_at(at + C4) - origin;
    let d2 = x_at(at + 2u * C4) - origin;
    let d3 = x_at(at + 3u * C4) - origin;
    sum = sum + d0 + d1 + d2 + d3;
    squares = squares + d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3;
  }
  for (; m < end; m++) {
    let d = x_at((before + m) * C4 + c4) - origin;
    sum += d;
    squares += d * d;
  }
  let n = f32(end - begin);
  let at = (g * params.parts + part) * 2u * C4 + c4;
  partials[at] = origin + sum / n;
  partials[at + C4] = rectified(squares - sum * sum / n);
}

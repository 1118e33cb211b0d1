// dx = gamma / √(var_g + eps) · (dz − Σ dz / M − x̂ · Σ dz · x̂ / M), sums over the group; dresidual = dz
//
// x, y, dx and dy [G·M, C], statistics and sums [G, 2, C], gamma [C]. With RESIDUAL, dz becomes the residual's gradient
// in the place of dy: dresidual is the buffer that dy is a copy of. Without RELU, x is bound in place of y.
// Each group falls into parts of ROWS rows. Of all of them, this dispatch makes `first` … `end` − 1; x, y, dx and dy
// are bound from their row `row` on. An invocation owns 4 channels of one part.
//
// The variant that reads textures, 1024 texels of four floats to a row: see Access in src/gpu/kernel.ts.
override RELU: bool = false;
override RESIDUAL: bool = false;

struct Params { M: u32, C: u32, first: u32, end: u32, row: u32 }

const ROWS = 16u;

@group(0) @binding(0) var x: texture_2d<f32>;
@group(0) @binding(1) var y: texture_2d<f32>;
@group(0) @binding(2) var<storage, read> statistics: array<vec4f>;
@group(0) @binding(3) var<storage, read> sums: array<vec4f>;
@group(0) @binding(4) var<storage, read> gamma: array<vec4f>;
@group(0) @binding(5) var dy: texture_2d<f32>;
@group(0) @binding(6) var<storage, read_write> dresidual: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(8) var<uniform> params: Params;

fn texel(image: texture_2d<f32>, i: u32) -> vec4f {
  return textureLoad(image, vec2u(i % 1024u, i / 1024u), 0);
}

// dy where the activation let it through: not where y is 0, told by its bits so that NaN counts as something.
fn passed(dy: vec4f, y: vec4f) -> vec4f {
  return select(dy, vec4f(), (bitcast<vec4u>(y) << vec4u(1u)) == vec4u());
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let C4 = params.C / 4u;
  let parts = (params.M + ROWS - 1u) / ROWS;
  let id = (group.x + group.y * groups.x) * 64u + lane;
  let c4 = id % C4;
  let which = params.first + id / C4;
  if (which >= params.end) {
    return;
  }
  let begin = which % parts * ROWS;
  let g = which / parts;
  let before = g * params.M - params.row; // rows before the group's first, less those before the slices
  let mean = statistics[g * 2u * C4 + c4];
  let rstd = statistics[(g * 2u + 1u) * C4 + c4];
  let scale = rstd * gamma[c4];
  let mean_dz = sums[g * 2u * C4 + c4] / f32(params.M);
  let mean_product = sums[(g * 2u + 1u) * C4 + c4] / f32(params.M);
  for (var m = begin; m < min(begin + ROWS, params.M); m++) {
    let at = (before + m) * C4 + c4;
    var dz = texel(dy, at);
    if (RELU) {
      dz = passed(dz, texel(y, at));
    }
    if (RESIDUAL) {
      dresidual[at] = dz;
    }
    dx[at] = scale * (dz - mean_dz - (texel(x, at) - mean) * rstd * mean_product);
  }
}

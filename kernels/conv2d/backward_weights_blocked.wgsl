// dw[r,s,c,k] = Σ_n,p,q  x[n, p·stride + r − pad, q·stride + s − pad, c] · dy[n,p,q,k]
//
// x [N,H,W,C], dy [N,P,Q,K], dw [parts,R,S,C,K]; C and K are multiples of 4.
//
// A sum of outer products. An invocation computes 4 rows (r,s,c) × 4 columns (k) of dw for one part of the pixels;
// neighboring invocations own neighboring columns of the same rows.

@group(0) @binding(2) var<storage, read_write> dw: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let K4 = params.K / 4u;
  let rows4 = params.R * params.S * (params.C / 4u);
  // Neighboring workgroups have neighboring parts of the pixels: tiles vary slowest.
  let which = number_of(group);
  let part = which % params.parts;
  let tile = which / params.parts;
  let id = tile * 64u + lane;
  let row = id / K4;
  if (row >= rows4) {
    return;
  }
  let k4 = id % K4;
  let path = path_of(row);

  var ax = vec4f(); var ay = vec4f(); var az = vec4f(); var aw = vec4f();
  let pixels = params.N * params.P * params.Q;
  let length = (pixels + params.parts - 1u) / params.parts;
  let end = min((part + 1u) * length, pixels);
  var at_x = walk_from(part * length, path);
  for (var m = part * length; m < end; m++) {
    let d = dy_at(m * K4 + k4);
    let v = tap_at(at_x);
    at_x = next(at_x, path);
    ax += v.x * d; ay += v.y * d; az += v.z * d; aw += v.w * d;
  }
  let at = (part * rows4 + row) * 4u * K4 + k4;
  dw[at] = ax; dw[at + K4] = ay; dw[at + 2u * K4] = az; dw[at + 3u * K4] = aw;
}

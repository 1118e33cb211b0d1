// dx[n,h,w,c] = Σ_r,s,k  dy[n,p,q,k] · w[r,s,c,k]   where p·stride + r − pad = h and q·stride + s − pad = w
//
// dy [N,P,Q,K], w [R,S,C,K], dx [N,H,W,C]; C and K are multiples of 4.
//
// The forward kernel with the roles of C and K exchanged: an invocation computes 4 input pixels × 4 input channels. The
// four vec4s of w that it loads run along k, so that the product is taken from the left: v · b.

@group(0) @binding(0) var<storage, read> dy: array<Stored>;
@group(0) @binding(1) var<storage, read> w: array<Stored>;
@group(0) @binding(2) var<storage, read_write> dx: array<Result>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let K4 = params.K / 4u;
  let C4 = params.C / 4u;
  let id = number_of(group) * 64u + lane;
  let class_ = class_of(group.id.z);
  let c4 = id % C4;
  let first = id / C4 * 4u;
  let at0 = source(class_, first + 0u);
  let at1 = source(class_, first + 1u);
  let at2 = source(class_, first + 2u);
  let at3 = source(class_, first + 3u);
  var a0 = vec4f(); var a1 = vec4f(); var a2 = vec4f(); var a3 = vec4f();
  for (var r = (class_.h + params.pad) % params.stride; r < params.R; r += params.stride) {
    for (var s = (class_.w + params.pad) % params.stride; s < params.S; s += params.stride) {
      let t0 = tap(at0, r, s);
      let t1 = tap(at1, r, s);
      let t2 = tap(at2, r, s);
      let t3 = tap(at3, r, s);
      var at = ((r * params.S + s) * params.C + 4u * c4) * K4;
      for (var k4 = 0u; k4 < K4; k4++) {
        let b = mat4x4f(vec4f(w[at]), vec4f(w[at + K4]), vec4f(w[at + 2u * K4]), vec4f(w[at + 3u * K4]));
        at++;
        a0 += select(vec4f(), vec4f(dy[t0.index + k4]), t0.present) * b;
        a1 += select(vec4f(), vec4f(dy[t1.index + k4]), t1.present) * b;
        a2 += select(vec4f(), vec4f(dy[t2.index + k4]), t2.present) * b;
        a3 += select(vec4f(), vec4f(dy[t3.index + k4]), t3.present) * b;
      }
    }
  }
  store(at0.pixel, c4, a0);
  store(at1.pixel, c4, a1);
  store(at2.pixel, c4, a2);
  store(at3.pixel, c4, a3);
}

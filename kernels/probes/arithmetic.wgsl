// out[i] = Σ x over 3 chains of x ← x · m + a, 16 steps a round: the throughput of the adapter's arithmetic
//
// out [invocations] of vec4f. The 12 chains of an invocation are independent, so that the latency of one
// hides behind the others; a CPU's 16 vector registers hold them. Their sum is stored, or the compiler would drop them.
// The steps are written out, as the loop's overhead would count otherwise.
struct Params { rounds: u32, m: f32, a: f32 }

@group(0) @binding(0) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(1) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let m = params.m;
  let a = vec4f(params.a);
  var x = vec4f(0.0, 1.0, 2.0, 3.0) + f32(id.x);
  var y = x + 4.0;
  var z = x + 8.0;
  for (var i = 0u; i < params.rounds; i++) {
    x = x * m + a; y = y * m + a; z = z * m + a;
    x = x * m + a; y = y * m + a; z = z * m + a;
    x = x * m + a; y = y * m + a; z = z * m + a;
    x = x * m + a; y = y * m + a; z = z * m + a;
    x = x * m + a; y = y * m + a; z = z * m + a;
    x = x * m + a; y = y * m + a; z = z * m + a;
    x = x * m + a; y = y * m + a; z = z * m + a;
    x = x * m + a; y = y * m + a; z = z * m + a;
    x = x * m + a; y = y * m + a; z = z * m + a;
    x = x * m + a; y = y * m + a; z = z * m + a;
    x = x * m + a; y = y * m + a; z = z * m + a;
    x = x * m + a; y = y * m + a; z = z * m + a;
    x = x * m + a; y = y * m + a; z = z * m + a;
    x = x * m + a; y = y * m + a; z = z * m + a;
    x = x * m + a; y = y * m + a; z = z * m + a;
    x = x * m + a; y = y * m + a; z = z * m + a;
  }
  out[id.x] = x + y + z;
}

// For y: the windows of output pixels in x, the bias, and where results are stored. Without BIAS, w is bound in place of the
// bias.

override BIAS: bool = false;

// Row p·stride − pad and column q·stride − pad of an output pixel's window, and its image's first element.
struct Window { row: i32, column: i32, image: u32 }

fn window(pixel: u32) -> Window {
  let m = min(pixel, params.N * params.P * params.Q - 1u);
  let p = (m / params.Q) % params.P;
  let q = m % params.Q;
  let n = m / (params.P * params.Q);
  return Window(
    i32(p * params.stride) - i32(params.pad),
    i32(q * params.stride) - i32(params.pad),
    n * params.H * params.W,
  );
}

// Index of x at tap (r, s) of a window, in vec4s, and whether it lies inside the image.
struct Tap { index: u32, inside: bool }

fn tap(at: Window, r: u32, s: u32) -> Tap {
  let h = at.row + i32(r);
  let v = at.column + i32(s);
  let inside = h >= 0 && h < i32(params.H) && v >= 0 && v < i32(params.W);
  return Tap(select(0u, (at.image + u32(h) * params.W + u32(v)) * (params.C / 4u), inside), inside);
}

// The initial value of the sums of a column of vec4s.
fn start(k4: u32) -> vec4f {
  if (BIAS) {
    return bias[k4];
  }
  return vec4f();
}

fn store(pixel: u32, k4: u32, value: vec4f) {
  if (pixel < params.N * params.P * params.Q && k4 < params.K / 4u) {
    y[pixel * (params.K / 4u) + k4] = Result(value);
  }
}

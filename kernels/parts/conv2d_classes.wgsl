// For dx: the output pixels that saw an input pixel, and where results are stored.

// With a stride, an input pixel meets only the taps that match its row and column modulo the stride. So the pixels
// fall into stride² classes by these remainders; a workgroup serves one class and loops over its taps only.
struct Class { h: u32, w: u32, rows: u32, columns: u32 }

fn class_of(z: u32) -> Class {
  let h = z / params.stride;
  let w = z % params.stride;
  let rows = (params.H + params.stride - 1u - h) / params.stride;
  let columns = (params.W + params.stride - 1u - w) / params.stride;
  return Class(h, w, rows, columns);
}

// Of a pixel of a class: row h + pad, column w + pad, the first element of its image in dy, and its index in dx; the
// index is NOWHERE beyond the last pixel.
struct Source { row: u32, column: u32, image: u32, pixel: u32 }

const NOWHERE = 0xffffffffu;

fn source(class_: Class, i: u32) -> Source {
  let size = max(class_.rows * class_.columns, 1u);
  let n = min(i / size, params.N - 1u);
  let h = i % size / max(class_.columns, 1u) * params.stride + class_.h;
  let v = i % max(class_.columns, 1u) * params.stride + class_.w;
  let pixel = (n * params.H + h) * params.W + v;
  let exists = i < params.N * class_.rows * class_.columns;
  return Source(h + params.pad, v + params.pad, n * params.P * params.Q, select(NOWHERE, pixel, exists));
}

// Index of the output pixel that saw the input pixel through tap (r, s), in vec4s, and whether there is one.
struct Tap { index: u32, present: bool }

fn tap(at: Source, r: u32, s: u32) -> Tap {
  let p = (at.row - r) / params.stride;
  let q = (at.column - s) / params.stride;
  let present = at.row >= r && at.column >= s && p < params.P && q < params.Q;
  return Tap(select(0u, (at.image + p * params.Q + q) * (params.K / 4u), present), present);
}

fn store(pixel: u32, c4: u32, value: vec4f) {
  if (pixel != NOWHERE && c4 < params.C / 4u) {
    dx[pixel * (params.C / 4u) + c4] = Result(value);
  }
}

// rows_v[y, x] = clamp(⌊(½ + Σ_k weight_v[x, k] · pixels[y, first_v[x] + k]) / 2²²⌋)   the first pass of a resize
//
// For each view v of a piece: the rows of its crop that the second pass needs, [rows of v, PITCH], one after the other
// as the table says. A pixel is a word of four bytes, red first. Weights have 22 fractional bits and sums are integers,
// as in Pillow, so that the result is Pillow's to the bit. Where an image is enlarged, an invocation goes down a column and
// keeps its four weights. Otherwise eight lanes stay together: they compute four rows at a time, so that one load of a weight
// serves four pixels, and go along them, which suits CPU caches.
struct Params { first: u32, groups: u32 }

@group(0) @binding(0) var<storage, read> pixels: array<u32>;
@group(0) @binding(1) var<storage, read> table: array<i32>;
@group(0) @binding(2) var<storage, read_write> rows: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

fn bytes(pixel: u32) -> vec3i {
  return vec3i(vec3u(pixel, pixel >> 8u, pixel >> 16u) & vec3u(255u));
}

fn packed(sum: vec3i) -> u32 {
  let byte = vec3u(clamp(sum >> vec3u(22u), vec3i(0), vec3i(255)));
  return byte.r | (byte.g << 8u) | (byte.b << 16u);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = u32(table[params.first + group.y]);
  let n = u32(table[at + 4u]);
  if (at == 0u) {
    return;
  }
  let from_pixel = u32(table[at + 1u]);
  let width = u32(table[at + 2u]);
  let rows_at = u32(table[at + 3u]);
  let taps = u32(table[at + 5u]);
  let first = at + HEADER;
  let weights = first + SIZE;
  // Loops that exit at their end save llvmpipe an iteration without effect.
  if (taps == 4u) {
    var x = lane % 32u;
    loop {
      let pixel = from_pixel + u32(table[first + x]);
      let w0 = table[weights + 4u * x];
      let w1 = table[weights + 4u * x + 1u];
      let w2 = table[weights + 4u * x + 2u];
      let w3 = table[weights + 4u * x + 3u];
      var y = group.x * 2u + lane / 32u;
      loop {
        let at_pixel = pixel + y * width;
        let sum = vec3i(HALF)
          + w0 * bytes(pixels[at_pixel]) + w1 * bytes(pixels[at_pixel + 1u])
          + w2 * bytes(pixels[at_pixel + 2u]) + w3 * bytes(pixels[at_pixel + 3u]);
        if (y < select(0u, n, x < SIZE)) {
          rows[rows_at + y * PITCH + x] = packed(sum);
        }
        continuing {
          y += 2u * params.groups;
          break if y >= n;
        }
      }
      continuing {
        x += 32u;
        break if x >= SIZE;
      }
    }
  } else {
    var y = (group.x * 8u + lane / 8u) * 4u;
    loop {
      let row = vec4u(from_pixel) + min(vec4u(y) + vec4u(0u, 1u, 2u, 3u), vec4u(n - 1u)) * width;
      var x = lane % 8u;
      loop {
        let pixel = row + vec4u(u32(table[first + x]));
        var s0 = vec3i(HALF);
        var s1 = vec3i(HALF);
        var s2 = vec3i(HALF);
        var s3 = vec3i(HALF);
        var k = 0u;
        loop {
          let weight = table[weights + x * taps + k];
          s0 += weight * bytes(pixels[pixel.x + k]);
          s1 += weight * bytes(pixels[pixel.y + k]);
          s2 += weight * bytes(pixels[pixel.z + k]);
          s3 += weight * bytes(pixels[pixel.w + k]);
          continuing {
            k++;
            break if k >= taps;
          }
        }
        let to = rows_at + y * PITCH + x;
        let within = select(0u, n, x < SIZE);
        if (y < within) {
          rows[to] = packed(s0);
        }
        if (y + 1u < within) {
          rows[to + PITCH] = packed(s1);
        }
        if (y + 2u < within) {
          rows[to + 2u * PITCH] = packed(s2);
        }
        if (y + 3u < within) {
          rows[to + 3u * PITCH] = packed(s3);
        }
        continuing {
          x += 8u;
          break if x >= SIZE;
        }
      }
      continuing {
        y += 32u * params.groups;
        break if y >= n;
      }
    }
  }
}

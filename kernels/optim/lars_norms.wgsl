// sums[i] = (Σ θ², Σ (g + λ·θ)²) over piece i: a run of blocks of 64 elements that belong to one parameter
//
// theta and gradient [n], scales [n / 64, 2] (trust, decay), pieces [·, 2] (first block, number of blocks), of which this
// dispatch takes `count` starting at `first`; theta, gradient and scales are bound starting at block `block`. sums [·, 2].
// A workgroup owns a piece. Eight lanes read neighboring quadruples, 128 bytes, and continue behind them: that is a
// whole cache line of a GPU, and CPU caches benefit too. The lanes' sums are added in two rounds, in a fixed order: a
// tree's six barriers took 15 % more on llvmpipe. Each tensor is read once: memory bandwidth is the limit.
struct Params { count: u32, first: u32, block: u32 }

const LANES = 64u;

@group(0) @binding(0) var<storage, read> theta: array<vec4f>;
@group(0) @binding(1) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(2) var<storage, read> scales: array<vec2f>;
@group(0) @binding(3) var<storage, read> pieces: array<vec2u>;
@group(0) @binding(4) var<storage, read_write> sums: array<vec2f>;
@group(0) @binding(5) var<uniform> step: Step;
@group(0) @binding(6) var<uniform> params: Params;

var<workgroup> partial: array<vec2f, LANES>;

@compute @workgroup_size(LANES)
fn main(group: Workgroup, @builtin(local_invocation_index) lane: u32) {
  let number = number_of(group);
  if (number >= params.count) {
    return;
  }
  let piece = pieces[params.first + number];
  let block = piece.x - params.block;
  let decay = step.weight_decay * scales[block].y;
  var sum = vec2f();
  let turns = (piece.y * 16u + LANES - 1u) / LANES;
  let begin = block * 16u + lane / 8u * 8u * turns;
  let end = min(begin + 8u * turns, (block + piece.y) * 16u);
  for (var i = begin + lane % 8u; i < end; i += 8u) {
    let w = theta[i];
    let g = gradient[i] + decay * w;
    sum += vec2f(dot(w, w), dot(g, g));
  }
  partial[lane] = sum;
  workgroupBarrier();
  if (lane < 8u) {
    for (var l = lane + 8u; l < LANES; l += 8u) {
      sum += partial[l];
    }
    partial[lane] = sum;
  }
  workgroupBarrier();
  if (lane == 0u) {
    for (var l = 1u; l < 8u; l++) {
      sum += partial[l];
    }
    sums[params.first + number] = sum;
  }
}

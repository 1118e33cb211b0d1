// The record of a view in the table; data/views/table.ts packs it. SIZE: pixels of a view's side. HEADER: words of a record before
// its tables of weights.

override SIZE: u32;

const HEADER = 20u;

fn real(at: u32) -> f32 {
  return bitcast<f32>(table[at]);
}

// A view's record in the table, which data/views/table.ts packs. SIZE: pixels of a view's side. HEADER: words of a record
// before its tables of weights.

override SIZE: u32;

const HEADER = 20u;

fn real(at: u32) -> f32 {
  return bitcast<f32>(table[at]);
}

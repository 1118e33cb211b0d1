// What both passes of a resize share, and who reads their result. PITCH: pixels from row to row between the passes. HALF: ½ where
// weights have 22 fractional bits.

override PITCH: u32;

const HALF = 1 << 21u;

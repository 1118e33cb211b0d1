// Between the passes of a resize: PITCH pixels from row to row. HALF: ½ with 22 fractional bits.

override PITCH: u32;

const HALF = 1 << 21u;

// Tiles of 128 × 128 outputs by workgroups of 256.
const TILE4 = 32u; // quadruples of a side
const INVOCATIONS = 256u;
// Whether an invocation loads from both A and B, where there are too few invocations for half of them to load each.
const LOADS_BOTH = false;

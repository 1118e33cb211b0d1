// Tiles of 64 × 64 outputs by workgroups of 64.
const TILE4 = 16u; // quadruples of a side
const INVOCATIONS = 64u;
// Whether an invocation loads from both A and B, where there are too few invocations for half of them to load each.
const LOADS_BOTH = true;

// Matrix units that multiply 8 × 16 values by 16 × 8.
const UNIT_M = 8u; // rows of the result
const UNIT_N = 8u; // its columns
const UNIT_K = 16u; // terms of a sum

// Matrix units that multiply 16 × 16 values by 16 × 16.
const UNIT_M = 16u; // rows of the result
const UNIT_N = 16u; // its columns
const UNIT_K = 16u; // terms of a sum

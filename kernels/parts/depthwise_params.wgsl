// The sizes of a depthwise convolution. `parts`: of the weights' gradient.
struct Params { N: u32, H: u32, W: u32, C: u32, parts: u32 }

// Taps on a side.
const SIDE = 7u;

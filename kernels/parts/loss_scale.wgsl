// The words of the loss scale's state: float32, but for the last, which is 1 while a gradient of the step is not finite.
const SCALE = 0u;     // a power of two
const INVERSE = 1u;   // 1 / SCALE
const GOOD = 2u;      // steps in a row whose gradients were finite, since SCALE changed
const SKIPPED = 3u;   // all steps that were skipped
const OVERFLOW = 4u;

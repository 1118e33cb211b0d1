// Four elements of what a kernel writes: float32 in memory. Kernels compute in float32.
alias Result = vec4f;

// Four elements of what a kernel writes: float16 in memory. Kernels compute in float32.
alias Result = vec4<f16>;

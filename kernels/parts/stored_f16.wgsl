// Four elements of what a kernel reads, or changes in place: float16 in memory. Kernels compute in float32.
alias Stored = vec4<f16>;

// Four elements of what a kernel reads, or changes in place: float32 in memory. Kernels compute in float32.
alias Stored = vec4f;

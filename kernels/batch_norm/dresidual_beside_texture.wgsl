// The residual's gradients overwrite the buffer that the texture dy is a copy of.
@group(0) @binding(7) var<storage, read_write> dresidual: array<Stored>;
@group(0) @binding(8) var<uniform> params: Params;

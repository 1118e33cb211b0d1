// What a kernel stores: single precision.
alias Stored = f32;

// What a kernel stores: half precision.
alias Stored = f16;

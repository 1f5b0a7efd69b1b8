"""The pure core: standard library only, no input or output, no clocks; values, and functions of values."""

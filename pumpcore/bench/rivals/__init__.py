"""The delivery law by other means, to race against the kernel.

The rule of this folder: each rival is written as well as its means allow and exact to the microsecond, and the kernel's
answer is held against it before either is timed. Plain release only: no gap, no grid, no cancel. The pump models of two
simulators stand beside them, with the error that they make.
"""

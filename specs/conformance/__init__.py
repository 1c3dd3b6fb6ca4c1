"""The specification of the pump and the pump, compared in both directions.

`graph` reads what TLC has found; `bench` says what each event of the specification is for the real pump, and how the
real pump looks to the specification; `exhaustive` walks the whole graph with the real pump; `record` lets the real pump
run freely and writes what it did as a TLA+ module; `seeds` holds faults, to show that each comparison can fail.
"""

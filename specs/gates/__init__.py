"""What holds, checked: one gate for each claim, run by `make spec`."""

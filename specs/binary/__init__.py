"""What is claimed of the compiled kernel, and its proof."""

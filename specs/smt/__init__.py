"""What is claimed of the steps on machine words, and its proof."""

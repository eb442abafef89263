"""Comparisons: two graphs, or a network and its mirror in PyTorch, value by value."""

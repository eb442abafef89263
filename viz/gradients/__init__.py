"""Gradients explained: the paths from an output back to a leaf, summed, named and drawn."""

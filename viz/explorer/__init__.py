"""The explorer: one self-contained page to explore a graph in."""

"""The view of blocks: a graph folded by calls of functions and by lines of code."""

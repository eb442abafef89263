"""What the documentation adds to Sphinx: examples that run while it is built, and tables."""

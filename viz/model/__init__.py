"""The model: what a graph and a picture are, without colors or positions."""

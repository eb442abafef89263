"""Animations: a backward pass or training, as an animated picture."""

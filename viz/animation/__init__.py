"""Animations: a backward pass or a training, as a picture that moves by itself."""

"""Derivatives of functions: transforms, the tape, and checks by finite differences."""

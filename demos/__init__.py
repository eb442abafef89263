"""Demos: short scripts, each a story told by one picture. `python -m demos` runs them all."""

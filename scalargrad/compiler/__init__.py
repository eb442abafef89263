"""Compiler: a scalar graph recorded once, and replayed as array code."""

"""Tests of the demos and their gallery."""

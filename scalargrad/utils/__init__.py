"""Helpers that know no Value: spelling, calls, frames, files, decorators."""

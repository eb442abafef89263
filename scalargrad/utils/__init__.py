"""Helpers that do not depend on Values: spelling, calls, frames, files, decorators."""

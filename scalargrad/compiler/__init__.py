"""Compiler: a scalar graph recorded once, and replayed as array code."""

from .compiled import Compiled, compile
from .program import Program, record
from .tracing import Trace, trace

__all__ = ["Compiled", "Program", "Trace", "compile", "record", "trace"]

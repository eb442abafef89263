"""Compiler: a scalar graph recorded once, and replayed as array code."""

from .compiled import Compiled, compile
from .program import Program, record
from .trace import Recording, trace

__all__ = ["Compiled", "Program", "Recording", "compile", "record", "trace"]

"""Compiler: a scalar graph, recorded once and replayed as array code.

The path of a function through the package:

1. `tracing`: `trace` runs the function once on stand-ins for its inputs; the graph is a `Trace`.
   `guards` remembers the plain numbers that the function read around it, and `structure` how it
   nested its outputs.
2. `program`: `record` writes the graph of the trace as a `Program`, a flat list of scalar rows.
3. `passes`: `optimize` rewrites the program, with `sums` (wide sums, dot products) and `padding`
   (lists of one length), by the means of `rewriting`. `zero_checks` is the pass for derivatives
   that the function itself took.
4. `kernels` and `gather`: `build_kernels` makes array operations of rows: matrices, dots, look-ups
   in tables, elementwise chains. `schedule` says which rows are computed together, and when. A loop
   (`loops`) is one kernel, a Scan (`scans`), whose step is a program of its own.
5. `layout` and `strides`: where each row has its number in memory, as views where possible.
6. `codegen`, `writer` and `rule_source`: each kernel as lines of NumPy source, forward and
   backward; `loop_lines`, `loop_source` and `loop_code` do so for a loop.
7. `numpy_backend` (or `jax_backend`): the source as functions, run on batches; it calls `lookups`.
   Or `native`: a package that makes machine code by LLVM. `optimizer_steps` describes many steps of
   an optimizer, which it makes in one call.
8. `compiling` and `compiled`: `compile` does all of this and returns a `Compiled`, which checks its
   `arguments` and runs a backend. `indices` finds what is looked up in tables, to check it first.
9. `nonfinite`, `replay` and `batch_replay`: samples that are not finite are computed again as eager
   code does.
"""

from .compiled import Compiled
from .compiling import compile
from .program import Program, record
from .tracing import Trace, trace

__all__ = ["Compiled", "Program", "Trace", "compile", "record", "trace"]

"""Graphviz in a process of its own, with a time limit: the program on the PATH, or the one inside the pygraphviz wheel."""

import shutil
import subprocess
import sys

from scalargrad.errors import LayoutError, OptionError
from viz.look.text import hint

PROGRAMS = (None, "dot", "pygraphviz")

# Graphviz can't be stopped from within, and writes warnings to the standard error of its process: so the wheel gets a process, too.
_CHILD = (
    "import sys, pygraphviz; "
    "graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode('utf-8')); "
    "sys.stdout.buffer.write(graph.draw(prog=sys.argv[1], format=sys.argv[2]))"
)
_CHATTER = ("Fontconfig ", "Warning: graph has ")


def check_program(program: str | None) -> str | None:
    """`program` itself, if it is "dot", "pygraphviz" or None; raises OptionError if not."""
    if program not in PROGRAMS:
        raise OptionError(
            f"the Graphviz program must be 'dot', 'pygraphviz' or None, not {program!r}{hint(program, filter(None, PROGRAMS))}"
        )
    return program


def available(program: str | None = None) -> str:
    """Which Graphviz will be used where `program` was asked for: "pygraphviz" or "dot". Of both the wheel comes first.

    Raises LayoutError when it is missing.
    """
    if check_program(program) != "dot":
        try:
            import pygraphviz  # noqa: F401

            return "pygraphviz"
        except ImportError:
            if program:
                raise LayoutError(
                    "the pygraphviz wheel is missing: pip install pygraphviz"
                ) from None
    if shutil.which("dot"):
        return "dot"
    raise LayoutError(
        "there is no program dot on the PATH: install Graphviz, or use the wheel: pip install pygraphviz"
    )


def rendered(
    source: str,
    output: str,
    *,
    engine: str = "dot",
    program: str | None = None,
    limit: float,
    quiet: bool = False,
) -> bytes:
    """DOT text as `output`, such as "svg" or "json0", laid out by a Graphviz engine: "dot", "neato" ….

    limit  seconds
    quiet  whether to keep Graphviz's warnings to itself; otherwise they go to standard error

    Raises LayoutError, with Graphviz's own words, when it is missing, fails, or is not done in time.
    """
    own = (
        [engine, f"-T{output}"]
        if available(program) == "dot"
        else [sys.executable, "-P", "-c", _CHILD, engine, output]
    )
    try:
        done = subprocess.run(
            own, input=source.encode("utf-8"), capture_output=True, check=False, timeout=limit
        )
    except subprocess.TimeoutExpired:
        raise LayoutError(
            f"Graphviz was not done within {limit:g} s: fold more modules, or raise the limit"
        ) from None
    said = [
        line
        for line in done.stderr.decode("utf-8", "replace").splitlines()
        if not line.startswith(_CHATTER)
    ]
    if done.returncode:
        reason = next(
            (line for line in said if line.startswith("Error")),
            said[-1] if said else f"exit status {done.returncode}",
        )
        raise LayoutError(f"Graphviz could not make {output!r} of this graph: {reason}")
    if said and not quiet:
        print("\n".join(said), file=sys.stderr)
    return done.stdout

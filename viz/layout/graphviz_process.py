"""Graphviz in its own process, with a time limit: `dot` on the PATH, or the wheel's."""

import shutil
import subprocess
import sys

from scalargrad.errors import LayoutError, OptionError
from viz.look.text import hint

PROGRAMS = (None, "dot", "pygraphviz")

# Graphviz can't be stopped from within, and writes warnings to the standard error of its process:
# so the wheel gets a process, too.
_CHILD = (
    "import sys, pygraphviz; "
    "graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode('utf-8')); "
    "sys.stdout.buffer.write(graph.draw(prog=sys.argv[1], format=sys.argv[2]))"
)
# Lines that say nothing about the graph.
_CHATTER = ("Fontconfig ", "Warning: graph has ")


def check_program(program: str | None) -> str | None:
    """Return `program` if it is "dot", "pygraphviz" or None.

    Raises:
        OptionError: It is not.
    """
    if program not in PROGRAMS:
        known = hint(program, filter(None, PROGRAMS))
        raise OptionError(
            f"the Graphviz program must be 'dot', 'pygraphviz' or None, not {program!r}{known}"
        )
    return program


def choose_program(program: str | None = None) -> str:
    """Return which Graphviz will be used: "pygraphviz" or "dot". Of both, the wheel comes first.

    Args:
        program: The one that was asked for, None for either.

    Raises:
        LayoutError: It is missing.
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
        "there is no program dot on the PATH: install Graphviz, or use the wheel: "
        "pip install pygraphviz"
    )


def render(
    source: str,
    output: str,
    *,
    engine: str = "dot",
    program: str | None = None,
    limit: float,
    quiet: bool = False,
) -> bytes:
    """Run Graphviz on DOT text.

    Args:
        source: The text.
        output: The format, such as "svg" or "json0".
        engine: What lays out: "dot", "neato" …
        program: As for `choose_program`.
        limit: Seconds.
        quiet: Suppress Graphviz's warnings; otherwise they go to standard error.

    Raises:
        LayoutError: Graphviz is missing, fails (the message quotes it), or is not done in time.
    """
    if choose_program(program) == "dot":
        command = [engine, f"-T{output}"]
    else:
        # -P: a file of the user's called pygraphviz.py must not be imported.
        command = [sys.executable, "-P", "-c", _CHILD, engine, output]
    try:
        process = subprocess.run(
            command, input=source.encode("utf-8"), capture_output=True, check=False, timeout=limit
        )
    except subprocess.TimeoutExpired:
        raise LayoutError(
            f"Graphviz did not finish within {limit:g} s: fold more modules, or raise the limit"
        ) from None

    lines = process.stderr.decode("utf-8", "replace").splitlines()
    messages = [line for line in lines if not line.startswith(_CHATTER)]
    if process.returncode:
        reason = _failure(messages, process.returncode)
        raise LayoutError(f"Graphviz could not make {output!r} of this graph: {reason}")
    if messages and not quiet:
        print("\n".join(messages), file=sys.stderr)
    return process.stdout


def _failure(messages: list[str], status: int) -> str:
    errors = [line for line in messages if line.startswith("Error")]
    if errors:
        return errors[0]
    # A traceback says what is wrong in its last line.
    return messages[-1] if messages else f"exit status {status}"

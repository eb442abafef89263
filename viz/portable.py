"""A graphviz.Digraph that also renders where no program `dot` is on the PATH: the pygraphviz wheel carries Graphviz."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import graphviz

from scalargrad.errors import LayoutError, OptionError, PictureError

from .files import write

PROGRAMS = (None, "dot", "pygraphviz")

# Graphviz writes warnings to the standard error of its process, and can't be stopped: so it gets a process of its own, as `dot` would be.
_CHILD = (
    "import sys, pygraphviz; "
    "graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode('utf-8')); "
    "sys.stdout.buffer.write(graph.draw(prog=sys.argv[1], format=sys.argv[2]))"
)
_CHATTER = ("Fontconfig ", "Warning: graph has ")


class PortableDigraph(graphviz.Digraph):  # type: ignore[misc]
    """A `graphviz.Digraph` whose `render`, `pipe`, `view` and display in notebooks need no system Graphviz.

    program  "dot": the program on the PATH; "pygraphviz": the Graphviz inside that package;
             None: the program where there is one, else the package

    Raises OptionError for another program; when rendering LayoutError with Graphviz's own words where it fails.

    >>> graph = PortableDigraph(program="pygraphviz", format="svg")
    >>> graph.edge("a", "b")
    >>> graph.pipe(encoding="utf-8").startswith("<?xml")
    True
    """

    def __init__(self, *args: Any, program: str | None = None, **options: Any) -> None:
        if program not in PROGRAMS:
            raise OptionError(f"the engine must be 'dot', 'pygraphviz' or None, not {program!r}")
        super().__init__(*args, **options)
        self.program = program

    def _copy_kwargs(self, **options: Any) -> Any:
        return super()._copy_kwargs(program=self.program, **options) | {"program": self.program}

    @property
    def _by_program(self) -> bool:
        return self.program == "dot" or (self.program is None and shutil.which("dot") is not None)

    # The three methods below are where graphviz.Digraph starts its program, for `pipe`, for text from `pipe`, and for `render`.

    def _pipe_lines(self, engine: str, output: str, input_lines: Iterable[str], **options: Any) -> bytes:
        if self._by_program or options.get("neato_no_op"):
            return bytes(super()._pipe_lines(engine, output, input_lines, **options))
        return _rendered("".join(input_lines), engine, _plugin(output, options), bool(options.get("quiet")))

    def _pipe_lines_string(self, engine: str, output: str, input_lines: Iterable[str], *, encoding: str, **options: Any) -> str:
        return self._pipe_lines(engine, output, input_lines, input_encoding=encoding, **options).decode(encoding)

    def _render(self, engine: str, output: str, filepath: str | os.PathLike[str], **options: Any) -> str:
        if self._by_program or options.get("neato_no_op"):
            return str(super()._render(engine, output, filepath, **options))
        source, target = Path(filepath), _outfile(filepath, output, options)
        if options.get("raise_if_result_exists") and target.exists():
            raise graphviz.FileExistsError(f"output file exists: {os.fspath(target)!r}")
        if target == source and not options.get("overwrite_filepath"):
            raise OptionError(f"{os.fspath(target)!r} is the file of the source itself: choose another outfile")
        text = source.read_text(encoding=self.encoding)
        write(target, _rendered(text, engine, _plugin(output, options), bool(options.get("quiet"))))
        return os.fspath(target)

    def _view(self, filepath: str | os.PathLike[str], **options: Any) -> None:
        try:
            super()._view(filepath, **options)
        except FileNotFoundError as error:
            raise PictureError(
                f"{os.fspath(filepath)!r} is written, but this machine has no program {error.filename!r} to show it"
            ) from error


def _outfile(filepath: str | os.PathLike[str], output: str, options: dict[str, Any]) -> Path:
    """Where `dot -O` would write: beside the source, with the format as one more ending."""
    if given := options.get("outfile"):
        return Path(given)
    endings = filter(None, (options.get("formatter"), options.get("renderer"), output))
    return Path(f"{os.fspath(filepath)}.{'.'.join(endings)}")


def _plugin(output: str, options: dict[str, Any]) -> str:
    return ":".join(filter(None, (output, options.get("renderer"), options.get("formatter"))))


def _rendered(source: str, engine: str, output: str, quiet: bool) -> bytes:
    command = [sys.executable, "-P", "-c", _CHILD, engine, output]
    done = subprocess.run(command, input=source.encode("utf-8"), capture_output=True, check=False)
    said = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if not line.startswith(_CHATTER)]
    if done.returncode:
        reason = next((line for line in said if line.startswith("Error")), said[-1] if said else f"exit status {done.returncode}")
        raise LayoutError(f"Graphviz could not make {output!r} of this graph: {reason}")
    if said and not quiet:
        print("\n".join(said), file=sys.stderr)
    return done.stdout

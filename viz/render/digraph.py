"""A graphviz.Digraph that also renders where no program `dot` is on the PATH: the pygraphviz wheel carries Graphviz."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import graphviz

from scalargrad.errors import OptionError, PictureError
from scalargrad.utils.files import as_path, write
from viz.layout.graphviz_process import check_program, rendered

LIMIT = 60.0
"""Seconds that Graphviz may take; set `limit` of a graph to change it."""


class PortableDigraph(graphviz.Digraph):  # type: ignore[misc]
    """A `graphviz.Digraph` whose `render`, `pipe`, `view` and display in notebooks need no system Graphviz.

    program  "dot": the program on the PATH; "pygraphviz": the Graphviz inside that package; None: whichever there is
    limit    seconds that a rendering may take

    Raises OptionError for another program; when rendering LayoutError with Graphviz's own words where it fails,
    or is not done in time.

    >>> graph = PortableDigraph(program="pygraphviz", format="svg")
    >>> graph.edge("a", "b")
    >>> graph.pipe(encoding="utf-8").startswith("<?xml")
    True
    """

    def __init__(
        self, *args: Any, program: str | None = None, limit: float = LIMIT, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.program, self.limit = check_program(program), limit

    def _copy_kwargs(self, **options: Any) -> Any:
        return super()._copy_kwargs(**options) | {"program": self.program, "limit": self.limit}

    def _drawn(self, source: str, engine: str, output: str, options: dict[str, Any]) -> bytes:
        plugin = ":".join(filter(None, (output, options.get("renderer"), options.get("formatter"))))
        return rendered(
            source,
            plugin,
            engine=engine,
            program=self.program,
            limit=self.limit,
            quiet=bool(options.get("quiet")),
        )

    def save(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        *,
        skip_existing: bool | None = False,
    ) -> str:
        """Write the DOT source, whole or not at all, and return the path of the file.

        Args:
            filename: Its name; the default is that of the graph.
            directory: The folder, which is made if it is missing.
            skip_existing: Leave a file as it is that is there already.

        Raises:
            PathError: The path is a device, a pipe or no possible name.
        """
        if filename is not None:
            self.filename = os.fspath(filename)
        if directory is not None:
            self.directory = os.fspath(directory)
        target = as_path(self.filepath)
        if not (skip_existing and target.exists()):
            target.parent.mkdir(parents=True, exist_ok=True)
            write(target, "".join(self).encode(self.encoding))
        return os.fspath(target)

    # The three methods below are where graphviz.Digraph starts its program, for `pipe`, for text from `pipe`, and for `render`.

    def _pipe_lines(
        self, engine: str, output: str, input_lines: Iterable[str], **options: Any
    ) -> bytes:
        if options.get("neato_no_op"):
            return bytes(super()._pipe_lines(engine, output, input_lines, **options))
        return self._drawn("".join(input_lines), engine, output, options)

    def _pipe_lines_string(
        self, engine: str, output: str, input_lines: Iterable[str], *, encoding: str, **options: Any
    ) -> str:
        return self._pipe_lines(
            engine, output, input_lines, input_encoding=encoding, **options
        ).decode(encoding)

    def _render(
        self, engine: str, output: str, filepath: str | os.PathLike[str], **options: Any
    ) -> str:
        if options.get("neato_no_op"):
            return str(super()._render(engine, output, filepath, **options))
        source, target = Path(filepath), _outfile(filepath, output, options)
        if options.get("raise_if_result_exists") and target.exists():
            raise graphviz.FileExistsError(f"output file exists: {os.fspath(target)!r}")
        if target == source and not options.get("overwrite_filepath"):
            raise OptionError(
                f"{os.fspath(target)!r} is the file of the source itself: choose another outfile"
            )
        write(
            target, self._drawn(source.read_text(encoding=self.encoding), engine, output, options)
        )
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
        return as_path(given)
    endings = filter(None, (options.get("formatter"), options.get("renderer"), output))
    return Path(f"{os.fspath(filepath)}.{'.'.join(endings)}")

"""A graphviz.Digraph that needs no `dot` on the PATH: the pygraphviz wheel carries Graphviz."""

import os
import warnings
from pathlib import Path
from typing import Any

import graphviz

from scalargrad.errors import OptionError, PictureError
from scalargrad.utils.files import as_path, write
from viz.layout.graphviz_process import check_program, render

MAX_SECONDS = 60.0
"""How long Graphviz may take; the attribute `limit` of a graph changes it."""

PathLike = str | os.PathLike[str]


class PortableDigraph(graphviz.Digraph):  # type: ignore[misc]
    """A `graphviz.Digraph` whose rendering and display in notebooks need no system Graphviz.

    Only public methods are overridden, so that a release of the `graphviz` package can't break it.

    Attributes:
        program: "dot": the program on the PATH; "pygraphviz": the Graphviz inside that package;
            None: whichever there is.
        limit: Seconds that a rendering may take.

    Raises:
        OptionError: The program is unknown.

    Example:
        >>> graph = PortableDigraph(program="pygraphviz", format="svg")
        >>> graph.edge("a", "b")
        >>> graph.pipe(encoding="utf-8").startswith("<?xml")
        True
    """

    def __init__(
        self, *args: Any, program: str | None = None, limit: float = MAX_SECONDS, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.program = check_program(program)
        self.limit = limit

    def copy(self) -> "PortableDigraph":
        """Return an independent copy, drawn by the same Graphviz."""
        copy: PortableDigraph = super().copy()
        copy.program = self.program
        copy.limit = self.limit
        return copy

    def save(
        self,
        filename: PathLike | None = None,
        directory: PathLike | None = None,
        *,
        skip_existing: bool | None = False,
    ) -> str:
        """Write the DOT source, whole or not at all, and return the path of the file.

        Args:
            filename: Its name; the default is that of the graph.
            directory: The folder, which is made if it is missing.
            skip_existing: Leave a file as it is that is there already.

        Raises:
            PathError: The path is a device, a pipe or not a valid name.
        """
        if filename is not None:
            self.filename = os.fspath(filename)
        if directory is not None:
            self.directory = os.fspath(directory)
        target = as_path(self.filepath)
        # graphviz writes in place: an interrupted write would leave half a file.
        if not (skip_existing and target.exists()):
            target.parent.mkdir(parents=True, exist_ok=True)
            write(target, "".join(self).encode(self.encoding))
        return os.fspath(target)

    def pipe(
        self,
        format: str | None = None,
        renderer: str | None = None,
        formatter: str | None = None,
        neato_no_op: bool | int | None = None,
        quiet: bool = False,
        *,
        engine: str | None = None,
        encoding: str | None = None,
    ) -> Any:
        """Return the graph in an output format.

        Args:
            format: Such as "svg" or "png"; the default is that of the graph.
            renderer: The renderer of Graphviz, such as "cairo".
            formatter: The formatter of Graphviz; it needs a renderer.
            neato_no_op: A flag for the engine "neato", which only the program `dot` knows.
            quiet: Suppress Graphviz's warnings.
            engine: The layout engine, such as "neato"; the default is that of the graph.
            encoding: Decode the output as text in this encoding.

        Returns:
            Bytes, or a string where an encoding is given.

        Raises:
            LayoutError: Graphviz is missing, fails, or is not done in time.
            ValueError: The format, renderer, formatter or engine is unknown.
        """
        if neato_no_op:
            # Only the program `dot` has this flag, so that graphviz itself must start it.
            return super().pipe(
                format, renderer, formatter, neato_no_op, quiet, engine=engine, encoding=encoding
            )
        chosen = self._choose(engine, format, renderer, formatter)
        output = chosen._draw(quiet)
        return output if encoding is None else output.decode(encoding)

    def render(
        self,
        filename: PathLike | None = None,
        directory: PathLike | None = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        renderer: str | None = None,
        formatter: str | None = None,
        neato_no_op: bool | int | None = None,
        quiet: bool = False,
        quiet_view: bool = False,
        *,
        outfile: PathLike | None = None,
        engine: str | None = None,
        raise_if_result_exists: bool = False,
        overwrite_source: bool = False,
    ) -> str:
        """Save the source, render it to a file, and return the path of that file.

        Args:
            filename: The file for the source; the default is that of the graph.
            directory: The folder for both files.
            view: Open the result with the default application.
            cleanup: Delete the source after rendering.
            format: Such as "svg" or "png"; by default the extension of `outfile`, or that of the
                graph.
            renderer: As for `pipe`.
            formatter: As for `pipe`.
            neato_no_op: As for `pipe`.
            quiet: As for `pipe`.
            quiet_view: View, and suppress the output of the viewer.
            outfile: The file for the result; the default is the source's name with the format as
                one more extension.
            engine: As for `pipe`.
            raise_if_result_exists: Raise `graphviz.FileExistsError` rather than replace a result.
            overwrite_source: Allow the result to replace its own source.

        Raises:
            LayoutError: Graphviz is missing, fails, or is not done in time.
            OptionError: The result would replace its own source.
            PictureError: There is no program to show the result; it is written all the same.
        """
        if outfile is not None:
            format = _output_format(Path(outfile), format)
            if directory is None:
                outfile = Path(self.directory, outfile)
            if filename is None:
                filename = Path(outfile).with_suffix(".gv")

        if neato_no_op:
            result: str = super().render(
                filename,
                directory,
                cleanup=cleanup,
                format=format,
                renderer=renderer,
                formatter=formatter,
                neato_no_op=neato_no_op,
                quiet=quiet,
                outfile=outfile,
                engine=engine,
                raise_if_result_exists=raise_if_result_exists,
                overwrite_source=overwrite_source,
            )
        else:
            chosen = self._choose(engine, format, renderer, formatter)
            source = Path(self.save(filename, directory, skip_existing=None))
            target = chosen._beside(source) if outfile is None else as_path(outfile)
            if raise_if_result_exists and target.exists():
                raise graphviz.FileExistsError(f"output file exists: {os.fspath(target)!r}")
            if target == source and not overwrite_source:
                name = repr(os.fspath(target))
                raise OptionError(
                    f"{name} is the file of the source itself: choose another outfile"
                )
            # Drawn before anything is written: a failure leaves an old file as it is.
            write(target, chosen._draw(quiet))
            if cleanup:
                source.unlink()
            result = os.fspath(target)

        # Last, so that the files are there even where nothing can show them.
        if view or quiet_view:
            _open_viewer(result, quiet_view)
        return result

    def _choose(
        self, engine: str | None, format: str | None, renderer: str | None, formatter: str | None
    ) -> "PortableDigraph":
        """Return a copy with other options; the setters of graphviz refuse unknown ones."""
        chosen = self.copy()
        if engine is not None:
            chosen.engine = engine
        if format is not None:
            chosen.format = format
        if renderer is not None:
            chosen.renderer = renderer
        if formatter is not None:
            chosen.formatter = formatter
        return chosen

    def _draw(self, quiet: bool) -> bytes:
        plugin = filter(None, (self.format, self.renderer, self.formatter))
        return render(
            "".join(self),
            ":".join(plugin),
            engine=self.engine,
            program=self.program,
            limit=self.limit,
            quiet=quiet,
        )

    def _beside(self, source: Path) -> Path:
        """Return where `dot -O` writes: beside the source, the format as one more extension."""
        extensions = filter(None, (self.formatter, self.renderer, self.format))
        return Path(f"{os.fspath(source)}.{'.'.join(extensions)}")


def _output_format(outfile: Path, format: str | None) -> str:
    """Return the format for a file, with graphviz's own complaints if its extension differs."""
    extension = outfile.suffix.removeprefix(".").lower()
    if extension not in graphviz.FORMATS:
        if format is None:
            raise graphviz.RequiredArgumentError(
                f"no format follows from the extension of {os.fspath(outfile)!r}: give format="
            )
        warnings.warn(
            f"unknown extension of {os.fspath(outfile)!r}: it will hold {format!r}",
            graphviz.UnknownSuffixWarning,
            stacklevel=3,
        )
    elif format is not None and format.lower() != extension:
        warnings.warn(
            f"{os.fspath(outfile)!r} will hold {format!r} despite its extension",
            graphviz.FormatSuffixMismatchWarning,
            stacklevel=3,
        )
    return format or extension


def _open_viewer(path: str, quiet: bool) -> None:
    try:
        graphviz.view(path, quiet=quiet)
    except FileNotFoundError as error:
        raise PictureError(
            f"{path!r} is written, but this machine has no program {error.filename!r} to show it"
        ) from error

"""What the demos share: stories, printed lines, and the gallery that shows them."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from time import perf_counter
from typing import Any

from demos.story import Explorer as Explorer
from demos.story import Picture as Picture
from demos.story import Story as Story

NEEDED = {
    "numpy": "numpy",
    "graphviz": "graphviz",
    "pygraphviz": "pygraphviz",
    "matplotlib": "matplotlib",
    "sklearn": "scikit-learn",
    "tqdm": "tqdm",
}
"""What the library and the demos need beyond Python: name of the import, name of the package."""


Demo = Callable[[Path, bool], Story]
"""Runs a demo, quickly or in full, saves its pictures in a folder, and returns its story."""


def require_extras() -> None:
    """End the program with the command that helps, if a package that the demos need is not there."""
    missing = [package for name, package in NEEDED.items() if find_spec(name) is None]
    if missing:
        raise SystemExit(
            f'The demos need {" and ".join(missing)}. Install what is missing with:\n\n    pip install -e ".[demos]"\n'
        )


def say(line: str = "") -> None:
    """Print a line without tearing the progress bar."""
    from tqdm import tqdm

    print_what_can_be_printed()
    tqdm.write(line)


def print_what_can_be_printed() -> None:
    """Let standard output write look-alikes for signs that it lacks, such as ∂ in a file on Windows."""
    from scalargrad.terminal import replace_unencodable

    replace_unencodable(sys.stdout)


def say_all(numbers: Sequence[tuple[str, str]]) -> None:
    """Print the numbers of a story in two columns."""
    width = max((len(what) for what, _ in numbers), default=0)
    for what, number in numbers:
        say(f"{what:<{width}} {number}")


def told(docstring: str | None) -> tuple[str, ...]:
    """The paragraphs after the first of a module's docstring: a demo that tells its story there says it once for all readers.

    >>> told("A demo. \\n\\nOnce upon\\na time.\\n\\nThe end.\\n")
    ('Once upon a time.', 'The end.')
    """
    return tuple(
        " ".join(paragraph.split()) for paragraph in (docstring or "").strip().split("\n\n")[1:]
    )


def explored(target: Any, path: Path, title: str) -> Explorer:
    """Save a page to explore a value, a network or a recording in, for a story to lead to."""
    import viz

    viz.explore(target, title=title).save(path)
    return Explorer(path.name, title)


def decimals(x: float) -> str:
    """A number as the page shows it: four decimals and a true minus sign."""
    return f"{x:.4f}".replace("-", "−")


def timed(compute: Callable[[], Any]) -> tuple[Any, float]:
    """What it returns, and how many seconds that took.

    >>> timed(lambda: 3)[0]
    3
    """
    start = perf_counter()
    return compute(), perf_counter() - start


def duration(seconds: float) -> str:
    """A time in the unit that people would use.

    >>> duration(0.0123), duration(75.0)
    ('12.3 ms', '1.25 min')
    """
    size, unit = next(
        pair
        for pair in ((3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"))
        if seconds >= pair[0] or pair[0] < 1.0
    )
    return f"{seconds / size:.3g} {unit}"


def add_data_option(parser: argparse.ArgumentParser) -> None:
    """The option `--data FILE`, for demos that can tell their story of numbers of the reader's own."""
    parser.add_argument(
        "--data", type=_file, metavar="FILE", help="tell the story of the numbers in this file"
    )


def path_of(text: str) -> Path:
    """Return a path from the command line: shells leave the ~ of `--out=~/folder` as it is.

    Example:
        >>> path_of("~/gallery") == Path.home() / "gallery"
        True
    """
    return Path(os.path.expanduser(text))  # noqa: PTH111  (a home that is not known stays as it is)


def _file(path: str) -> Path:
    if path_of(path).is_file():
        return path_of(path)
    raise argparse.ArgumentTypeError(f"there is no file {path!r}")


def takes_data(demo: Any) -> bool:
    """Whether a demo can be told of a file: it then has a third argument, `data`, which is None for the demo's own numbers."""
    return "data" in signature(demo).parameters


def with_data(demo: Any, data: Path | None) -> Demo:
    """The demo on the numbers of that file (None: its own); the program ends with the place of what is wrong in the file."""

    def run(folder: Path, quick: bool) -> Story:
        from scalargrad.errors import DataFileError

        try:
            story: Story = demo(folder, quick, data)
        except DataFileError as error:
            raise SystemExit(f"The file of --data can't be used: {error}") from None
        return story

    return demo if data is None else run


def run_alone(demo: Any, name: str) -> None:
    """What `python -m demos.NAME` does: the demo in full, into a folder of its own."""
    parser = argparse.ArgumentParser(
        prog=f"python -m demos.{name}", description=f"The {name} demo."
    )
    parser.add_argument("--quick", action="store_true", help="fewer steps")
    parser.add_argument(
        "--out",
        type=path_of,
        default=Path("gallery", name),
        metavar="FOLDER",
        help="where to write (default: %(default)s)",
    )
    if takes_data(demo):
        add_data_option(parser)
    options = parser.parse_args()
    say(
        "See "
        f"{write_gallery([with_data(demo, getattr(options, 'data', None))], options.out, options.quick)}"
    )


def write_gallery(demos: Sequence[Demo], folder: Path, quick: bool) -> Path:
    """Run the demos one after the other, save their pictures in `folder`, then the pages. Returns the path of index.html."""
    require_extras()
    from demos.site import pages_of
    from scalargrad.training import collector_off
    from scalargrad.utils.files import write

    make_folder(folder)
    with collector_off():
        pages = pages_of([demo(folder, quick) for demo in demos], folder, quick)
    for name, page in pages.items():
        write(folder / name, page)
    return folder / "index.html"


def make_folder(folder: Path) -> None:
    """Make the folder; end the program with the reason if that can't be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SystemExit(
            f"The gallery can't be written to {folder}: {error.strerror or error}. Choose another "
            "folder with --out."
        ) from None

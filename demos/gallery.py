"""What the demos share: stories, printed lines, and the gallery that shows them."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from inspect import signature
from math import log10
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

from demos.story import Explorer as Explorer
from demos.story import Picture as Picture
from demos.story import Story as Story

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from scalargrad import Value
    from scalargrad.nn import Module
    from scalargrad.training import Recording

NEEDED = {
    "numpy": "numpy",
    "graphviz": "graphviz",
    "pygraphviz": "pygraphviz",
    "matplotlib": "matplotlib",
    "sklearn": "scikit-learn",
    "tqdm": "tqdm",
}
"""Packages that the library and the demos need: name of the import → name of the package."""

Demo = Callable[[Path, bool], Story]
"""A demo: saves its pictures in a folder, quickly or in full, and returns its story."""

Result = TypeVar("Result")

BESIDE = 708
ACROSS = 1150
"""Pixels that a page has for a picture beside the code, and for one below it."""


def require_extras() -> None:
    """End the program with the command to install what is missing, if anything is."""
    missing = [package for name, package in NEEDED.items() if find_spec(name) is None]
    if missing:
        raise SystemExit(
            f"The demos need {' and '.join(missing)}. Install what is missing with:\n\n"
            '    pip install -e ".[demos]"\n'
        )


def say(line: str = "") -> None:
    """Print a line without tearing the progress bar."""
    # Imported late, here and below: `require_extras` must get to say what is not installed.
    from tqdm import tqdm

    print_what_can_be_printed()
    tqdm.write(line)


def print_what_can_be_printed() -> None:
    """Let standard output replace signs that it can't encode, such as ∂ in a file on Windows."""
    from scalargrad.terminal import replace_unencodable

    replace_unencodable(sys.stdout)


def say_all(numbers: Sequence[tuple[str, str]]) -> None:
    """Print the numbers of a story in two columns."""
    width = max((len(what) for what, _ in numbers), default=0)
    for what, number in numbers:
        say(f"{what:<{width}} {number}")


def told(docstring: str | None) -> tuple[str, ...]:
    """Return the paragraphs of a module's docstring after the first one.

    A demo that tells its story in its docstring needs no second text for the gallery.

    Example:
        >>> told("A demo. \\n\\nOnce upon\\na time.\\n\\nThe end.\\n")
        ('Once upon a time.', 'The end.')
    """
    _, *paragraphs = (docstring or "").strip().split("\n\n")
    return tuple(" ".join(paragraph.split()) for paragraph in paragraphs)


def explored(
    target: "Value | list[Value] | Module | Recording", path: Path, title: str, **options: Any
) -> Explorer:
    """Save a page to explore a value, a network or a recording, and return a link for a story.

    Args:
        target: What to explore.
        path: Where to save.
        title: What it is about.
        **options: Further options of `viz.explore`.
    """
    import viz

    viz.explore(target, title=title, **options).save(path)
    return Explorer(path.name, title)


def in_training(
    model: "Module", data: tuple[Any, Any], path: Path, title: str, **options: Any
) -> Explorer:
    """Save a page in which a network learns, and return a link for a story.

    Args:
        model: The network as it starts.
        data: Its samples and their targets.
        path: Where to save.
        title: What is learned.
        **options: Further options of `viz.explore`.
    """
    import viz

    viz.explore(model, data=data, train=True, title=title, **options).save(path)
    return Explorer(path.name, title, trains=True)


def plot_seeds(measured: Mapping[str, Sequence[float]], ax: "Axes", log: bool = False) -> "Axes":
    """Plot what several seeds measured: a row for each name, a dot for each seed.

    Args:
        measured: The numbers of each name; finite, and above 0 where `log`.
        ax: The Axes to draw on.
        log: Whether the axis is logarithmic.

    Returns:
        The Axes. A stroke marks the median of each row.
    """
    from statistics import median

    from matplotlib.ticker import LogLocator

    from viz.look.theme import LIGHT
    from viz.plots.figure import style_axes

    style_axes(ax)
    if log:
        ax.set_xscale("log")
        every = [number for numbers in measured.values() for number in numbers]
        # Over many decades there is room for the powers of ten alone.
        subs = (1.0, 2.0, 5.0) if max(every) < 100.0 * min(every) else (1.0,)
        ax.xaxis.set_major_locator(LogLocator(subs=subs))
        # Powers of ten would be set in fonts that few have.
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_formatter("")
    rows = range(len(measured), 0, -1)
    for row, numbers in zip(rows, measured.values(), strict=True):
        ax.plot(numbers, [row] * len(numbers), "o", color="#1f6fb4", alpha=0.55, markeredgewidth=0)
        ax.plot([median(numbers)], [row], "|", color=LIGHT.ink, markersize=16, markeredgewidth=2)
    ax.set_yticks(list(rows), list(measured))
    ax.set_ylim(0.4, len(measured) + 0.6)
    ax.grid(axis="x", color=LIGHT.line, alpha=0.35)
    return ax


def write_powers(*axes: "Axis") -> None:
    """Label logarithmic axes with powers of ten such as 10⁻⁶, all of one size.

    Matplotlib sets exponents as small letters, too small for a picture in a column.
    """
    raised = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

    def power(x: float, place: float) -> str:  # noqa: ARG001
        return f"10{str(round(log10(x))).translate(raised)}"

    for axis in axes:
        axis.set_major_formatter(power)
        axis.set_minor_formatter("")


def decimals(x: float) -> str:
    """Format a number as the page shows it: four decimals and a true minus sign."""
    return f"{x:.4f}".replace("-", "−")


def timed(
    compute: Callable[[], Result], clock: Callable[[], float] = perf_counter
) -> tuple[Result, float]:
    """Return what a function returns, and the seconds that it took.

    Args:
        compute: It is called without arguments.
        clock: What tells the time; `process_time` leaves out what other programs took meanwhile.

    Example:
        >>> timed(lambda: 3, clock=iter([10.0, 12.5]).__next__)
        (3, 2.5)
    """
    start = clock()
    return compute(), clock() - start


def duration(seconds: float) -> str:
    """Format a time in the unit that people would use.

    Example:
        >>> duration(0.0123), duration(75.0)
        ('12.3 ms', '1.25 min')
    """
    for size, unit in ((3600.0, "h"), (60.0, "min"), (1.0, "s")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"

    return f"{seconds / 1e-3:.3g} ms"


def add_data_option(parser: argparse.ArgumentParser) -> None:
    """Add the option `--data FILE`, for demos that also work on the reader's own numbers."""
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


def takes_data(demo: Callable[..., Story]) -> bool:
    """Return whether a demo has a third argument `data`, a file in place of its own numbers."""
    return "data" in signature(demo).parameters


def with_data(demo: Callable[..., Story], data: Path | None) -> Demo:
    """Return the demo on the numbers of a file (None: its own); a bad file ends the program."""

    def run(folder: Path, quick: bool) -> Story:
        from scalargrad.errors import DataFileError

        try:
            story = demo(folder, quick, data)
        # The reader's file is wrong, not the program: its place and reason help, a traceback
        # does not.
        except DataFileError as error:
            raise SystemExit(f"The file of --data can't be used: {error}") from None
        return story

    return demo if data is None else run


def run_alone(demo: Callable[..., Story], name: str) -> None:
    """Run `python -m demos.NAME`: one demo, in full unless told otherwise, into its own folder."""
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

    data = getattr(options, "data", None)
    page = write_gallery([with_data(demo, data)], options.out, options.quick)
    say(f"See {page}")


def write_gallery(demos: Sequence[Demo], folder: Path, quick: bool) -> Path:
    """Run the demos one after the other and save their pictures, then the pages.

    Returns:
        The path of index.html.
    """
    require_extras()
    from demos.site import pages_of
    from scalargrad.training import collector_off
    from scalargrad.utils.files import write

    make_folder(folder)

    # Graphs are freed by counting references; the collector would only walk through all of them.
    with collector_off():
        stories = []
        for place, demo in enumerate(demos, 1):
            story, seconds = timed(partial(demo, folder, quick))
            say(f"[{place} of {len(demos)}] {story.title}: {duration(seconds)}\n")
            stories.append(story)
        # The pages come last: they read the sizes of pictures that the demos have saved.
        pages = pages_of(stories, folder, quick)

    for name, page in pages.items():
        write(folder / name, page)
    return folder / "index.html"


def make_folder(folder: Path) -> None:
    """Make the folder; end the program with the reason if that is impossible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SystemExit(
            f"The gallery can't be written to {folder}: {error.strerror or error}. Choose another "
            "folder with --out."
        ) from None

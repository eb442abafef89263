"""What the demos share: progress, stories, and the gallery page that shows them."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

NEEDED = {
    "numpy": "numpy",
    "graphviz": "graphviz",
    "pygraphviz": "pygraphviz",
    "matplotlib": "matplotlib",
    "sklearn": "scikit-learn",
    "tqdm": "tqdm",
}
"""What the library and the demos need beyond Python: name of the import, name of the package."""


@dataclass(frozen=True)
class Picture:
    """A picture of a story: its file in the gallery's folder, what it shows (for those who can't see it), and a caption."""

    file: str
    alt: str
    caption: str


@dataclass(frozen=True)
class Story:
    """What a demo hands over to the gallery.

    name      of the demo, which is also the first part of its files' names
    title     the heading
    text      paragraphs
    numbers   (what, how much), both as they shall be read
    pictures  in the order in which they shall be seen
    """

    name: str
    title: str
    text: tuple[str, ...]
    numbers: tuple[tuple[str, str], ...]
    pictures: tuple[Picture, ...]


Demo = Callable[[Path, bool], Story]
"""Runs a demo, quickly or in full, saves its pictures in a folder, and returns its story."""


def require_extras() -> None:
    """End the program with the command that helps, if a package that the demos need is not there."""
    missing = [package for name, package in NEEDED.items() if find_spec(name) is None]
    if missing:
        raise SystemExit(f'The demos need {" and ".join(missing)}. Install what is missing with:\n\n    pip install -e ".[demos]"\n')


def say(line: str = "") -> None:
    """Print a line without tearing the progress bar."""
    from tqdm import tqdm

    tqdm.write(line)


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
    return tuple(" ".join(paragraph.split()) for paragraph in (docstring or "").strip().split("\n\n")[1:])


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
    size, unit = next(pair for pair in ((3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms")) if seconds >= pair[0] or pair[0] < 1.0)
    return f"{seconds / size:.3g} {unit}"


def add_data_option(parser: argparse.ArgumentParser) -> None:
    """The option `--data FILE`, for demos that can tell their story of numbers of the reader's own."""
    parser.add_argument("--data", type=_file, metavar="FILE", help="tell the story of the numbers in this file")


def _file(path: str) -> Path:
    if Path(path).is_file():
        return Path(path)
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
    parser = argparse.ArgumentParser(prog=f"python -m demos.{name}", description=f"The {name} demo.")
    parser.add_argument("--quick", action="store_true", help="fewer steps")
    parser.add_argument("--out", type=Path, default=Path("gallery", name), metavar="FOLDER", help="where to write (default: %(default)s)")
    if takes_data(demo):
        add_data_option(parser)
    options = parser.parse_args()
    say(f"See {write_gallery([with_data(demo, getattr(options, 'data', None))], options.out, options.quick)}")


def write_gallery(demos: Sequence[Demo], folder: Path, quick: bool) -> Path:
    """Run the demos one after the other, save their pictures in `folder`, then its index.html. Returns the path of that page."""
    require_extras()
    from scalargrad.files import write
    from scalargrad.training import collector_off

    make_folder(folder)
    with collector_off():
        page = page_of([demo(folder, quick) for demo in demos], folder, quick)
    return write(folder / "index.html", page)


def make_folder(folder: Path) -> None:
    """Make the folder; end the program with the reason if that can't be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SystemExit(
            f"The gallery can't be written to {folder}: {error.strerror or error}. Choose another folder with --out."
        ) from None


def page_of(stories: Sequence[Story], folder: Path, quick: bool) -> str:
    """The whole index.html: no script, no network, light and dark."""
    links = "".join(f'<li><a href="#{quote(_anchor(story))}">{_text(story.title)}</a></li>' for story in stories)
    return _PAGE.format(
        style=_STYLE,
        setting="in a quick setting, so the numbers are those of a short training" if quick else "in full",
        links=links,
        stories="".join(_section(story, folder) for story in stories),
    )


def _section(story: Story, folder: Path) -> str:
    rows = "".join(f"<tr><th scope=row>{_text(what)}</th><td>{_text(number)}</td></tr>" for what, number in story.numbers)
    return (
        f'\n<section id="{_anchor(story)}">\n<h2>{_text(story.title)}</h2>\n'
        + "".join(f"<p>{_text(paragraph)}</p>\n" for paragraph in story.text)
        + (f"<table>{rows}</table>\n" if rows else "")
        + "".join(_figure(picture, folder) for picture in story.pictures)
        + "</section>\n"
    )


def _figure(picture: Picture, folder: Path) -> str:
    link, (width, height) = _text(quote(picture.file)), size_of(folder / picture.file)
    return (
        f'<figure><a href="{link}"><img src="{link}" width="{width}" height="{height}" alt="{_text(picture.alt)}"></a>'
        f"<figcaption>{_text(picture.caption)}</figcaption></figure>\n"
    )


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of an SVG file in its own units, so that the page does not jump while pictures load."""
    box = ElementTree.parse(path).getroot().get("viewBox", "").split()
    return round(float(box[2])), round(float(box[3]))


def _anchor(story: Story) -> str:
    return "".join(c for c in story.name if c.isalnum() or c in "-_")


def _text(text: str) -> str:
    return escape("".join(c for c in text if c.isprintable()), quote=True)


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src 'self' file:; style-src 'unsafe-inline'">
<title>scalargrad: gallery</title>
<style>{style}</style>
</head>
<body>
<main>
<header>
<h1>scalargrad</h1>
<p>You write scalars, and you see every scalar. These demos ran {setting}. Click a picture to see it alone.</p>
<nav aria-label="Demos"><ul>{links}</ul></nav>
</header>
{stories}</main>
</body>
</html>
"""

_STYLE = """
:root { color-scheme: light dark; --page: #ffffff; --ink: #1b1f24; --muted: #59636e; --line: #d0d7de; --band: #f6f8fa; --link: #1f6fb4 }
@media (prefers-color-scheme: dark) {
  :root { --page: #0f1419; --ink: #e6edf3; --muted: #9aa7b4; --line: #2d3640; --band: #151b22; --link: #6db8f2 }
}
body { margin: 0; background: var(--page); color: var(--ink); font: 17px/1.6 Helvetica, Arial, 'Liberation Sans', sans-serif }
main { max-width: 74rem; margin: 0 auto; padding: 3rem 1.25rem 5rem }
h1 { margin: 0; font-size: 2.4rem; letter-spacing: -0.02em }
h2 { margin: 0 0 0.5rem; font-size: 1.5rem }
header p { margin: 0.4rem 0 1rem; color: var(--muted) }
section > p { max-width: 42rem; margin: 0.6rem 0 }
section { margin-top: 3rem; padding-top: 2rem; border-top: 1px solid var(--line) }
nav ul { display: flex; flex-wrap: wrap; gap: 0.4rem 1.4rem; margin: 0; padding: 0; list-style: none }
a { color: var(--link) }
table { margin: 1.2rem 0; border-collapse: collapse; font-size: 0.95rem }
th { padding: 0.25rem 2rem 0.25rem 0; font-weight: normal; text-align: left; color: var(--muted) }
td { text-align: right; font-family: 'SF Mono', Menlo, Consolas, 'Liberation Mono', monospace; font-variant-numeric: tabular-nums }
tr + tr { border-top: 1px solid var(--line) }
figure { margin: 2rem 0; overflow-x: auto }
figure img { display: block; max-width: 100%; height: auto; margin: 0 auto; border-radius: 8px }
figcaption { max-width: 42rem; margin: 0.6rem 0 0; font-size: 0.9rem; color: var(--muted) }
"""

"""The gallery as a small site: a page for each demo, and one that leads to them all.

The pages have no scripts and load nothing from the network.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

from demos.story import Explorer, Picture, Story


def pages_of(stories: Sequence[Story], folder: Path, quick: bool) -> dict[str, str]:
    """Render every page, by the name of its file: index.html, and one for each story.

    Args:
        stories: The stories, in the order of the gallery.
        folder: Where their pictures are.
        quick: Whether the demos ran in the quick setting.
    """
    if quick:
        setting = "in a quick setting, so the numbers are those of a short training"
    else:
        setting = "in full"

    cards = "".join(_card(story, folder) for story in stories)
    index = _INDEX.format(setting=setting, cards=cards)
    pages = {"index.html": _page("scalargrad: gallery", index)}

    # Each story leads to its neighbors; the first and the last have only one.
    previous = [None, *stories[:-1]]
    following = [*stories[1:], None]
    for before, story, after in zip(previous, stories, following, strict=True):
        title = f"{_text(story.title)} · scalargrad"
        pages[page_name(story)] = _page(title, _story(story, folder, before, after))
    return pages


def page_name(story: Story) -> str:
    """Return the file name of a story's page."""
    # Only characters that are safe in file names on every system and need no quoting in a URL.
    kept = [c for c in story.name if (c.isascii() and c.isalnum()) or c in "-_"]
    return f"{''.join(kept) or 'demo'}.html"


def _page(title: str, body: str) -> str:
    return _PAGE.format(title=title, style=_STYLE, body=body)


def _card(story: Story, folder: Path) -> str:
    link = quote(page_name(story))
    first = story.text[0] if story.text else ""
    image = _image(_cover(story, folder), folder, lazy=True) if story.pictures else ""
    return (
        f'<li><a href="{link}">{image}<h2>{_text(story.title)}</h2></a><p>{_text(first)}</p></li>\n'
    )


def _cover(story: Story, folder: Path) -> Picture:
    """Choose the picture for the card: the one whose shape is nearest to two to one."""

    def stretch(picture: Picture) -> float:
        width, height = size_of(folder / picture.file)
        return max(width / (2 * height), 2 * height / width)

    return min(story.pictures, key=stretch)


def _story(story: Story, folder: Path, before: Story | None, after: Story | None) -> str:
    rows = "".join(
        f"<tr><th scope=row>{_text(what)}</th><td>{_text(number)}</td></tr>"
        for what, number in story.numbers
    )
    parts = [
        f'<nav aria-label="Gallery">{_leads(before, "←")}'
        f'<a href="index.html">all demos</a>{_leads(after, "→")}</nav>\n',
        f"<h1>{_text(story.title)}</h1>\n",
    ]
    parts += [f"<p>{_text(paragraph)}</p>\n" for paragraph in story.text]
    if rows:
        parts.append(f"<table>{rows}</table>\n")
    parts += [_explorer(explorer) for explorer in story.explorers]
    parts += [_figure(picture, folder) for picture in story.pictures]
    return "".join(parts)


def _leads(story: Story | None, arrow: str) -> str:
    if story is None:
        return ""
    return f'<a href="{quote(page_name(story))}">{arrow} {_text(story.title)}</a>'


def _explorer(explorer: Explorer) -> str:
    link = _text(quote(explorer.file))
    return f'<p><a class="explore" href="{link}">Explore: {_text(explorer.title)}</a></p>\n'


def _figure(picture: Picture, folder: Path) -> str:
    link = _text(quote(picture.file))
    image = _image(picture, folder)
    caption = _text(picture.caption)
    return f'<figure><a href="{link}">{image}</a><figcaption>{caption}</figcaption></figure>\n'


def _image(picture: Picture, folder: Path, lazy: bool = False) -> str:
    width, height = size_of(folder / picture.file)
    source = _text(quote(picture.file))
    alt = _text(picture.alt)
    when = ' loading="lazy"' if lazy else ""
    return f'<img src="{source}" width="{width}" height="{height}" alt="{alt}"{when}>'


def size_of(path: Path) -> tuple[int, int]:
    """Return width and height of an SVG file in its own units."""
    # The page states them, so that it does not jump while its pictures load.
    box = ElementTree.parse(path).getroot().get("viewBox", "").split()
    return round(float(box[2])), round(float(box[3]))


def _text(text: str) -> str:
    return escape("".join(c for c in text if c.isprintable()), quote=True)


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src 'self' file:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}</main>
</body>
</html>
"""

_INDEX = """<header>
<h1>scalargrad</h1>
<p>You write scalars, and you see every scalar. These demos ran {setting}.</p>
</header>
<ul class="cards">
{cards}</ul>
"""

_STYLE = """
:root { color-scheme: light dark }
:root { --page: #ffffff; --ink: #1b1f24; --muted: #59636e }
:root { --line: #d0d7de; --card: #f6f8fa; --link: #1f6fb4 }
@media (prefers-color-scheme: dark) {
  :root { --page: #0f1419; --ink: #e6edf3; --muted: #9aa7b4 }
  :root { --line: #2d3640; --card: #151b22; --link: #6db8f2 }
}
body { margin: 0; background: var(--page); color: var(--ink) }
body { font: 17px/1.6 Helvetica, Arial, 'Liberation Sans', sans-serif }
main { max-width: 74rem; margin: 0 auto; padding: 2.5rem 1.25rem 5rem }
h1 { margin: 0.4rem 0 0.6rem; font-size: 2.1rem; letter-spacing: -0.02em; line-height: 1.2 }
header p { margin: 0.4rem 0 1.6rem; color: var(--muted) }
main > p { max-width: 42rem; margin: 0.7rem 0 }
nav { display: flex; flex-wrap: wrap; gap: 0.4rem 1.6rem; font-size: 0.95rem }
a { color: var(--link); text-decoration-thickness: 1px; text-underline-offset: 0.2em }
a:focus-visible { outline: 2px solid var(--link); outline-offset: 3px; border-radius: 4px }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); gap: 1.4rem }
.cards { margin: 0; padding: 0; list-style: none }
.cards li { border: 1px solid var(--line); border-radius: 12px }
.cards li { background: var(--card); overflow: hidden }
.cards a { display: block; color: var(--ink); text-decoration: none }
.cards img { display: block; width: 100%; height: 11rem; padding: 0.8rem; box-sizing: border-box }
.cards img { object-fit: contain; background: var(--page) }
.cards h2 { margin: 0.8rem 1rem 0; font-size: 1.1rem; line-height: 1.3; color: var(--link) }
.cards p { margin: 0.4rem 1rem 1rem; font-size: 0.92rem; line-height: 1.5; color: var(--muted) }
.explore { display: inline-block; padding: 0.5rem 1rem }
.explore { border: 1px solid var(--line); border-radius: 8px; background: var(--card) }
table { margin: 1.2rem 0; border-collapse: collapse; font-size: 0.95rem }
th { padding: 0.25rem 2rem 0.25rem 0; font-weight: normal; text-align: left; color: var(--muted) }
td { text-align: right; font-variant-numeric: tabular-nums }
td { font-family: 'SF Mono', Menlo, Consolas, 'Liberation Mono', monospace }
tr + tr { border-top: 1px solid var(--line) }
@media (max-width: 34rem) {
  th, td { display: block; padding-right: 0; text-align: left }
  td { padding-bottom: 0.4rem }
}
figure { margin: 2rem 0; overflow-x: auto }
figure img { display: block; max-width: 100%; height: auto; margin: 0 auto; border-radius: 8px }
figcaption { max-width: 42rem; margin: 0.6rem 0 0; font-size: 0.9rem; color: var(--muted) }
"""

"""The gallery as a small site: a page for each demo, and one that leads to them all.

The pages have no scripts and load nothing from the network.
"""

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

from demos.catalog import CARDS, GROUPS, Card, Cover, Group
from demos.listing import highlight
from demos.readme import README, readme_page
from demos.site_style import CARD_STYLE, HEAD, HERO, LOGO, OWN, PAGE, STYLE
from demos.story import Explorer, Formula, Listing, Picture, Story

COLUMN = 712
"""Pixels that the column beside the code has for a picture."""
HALF = 540
WHOLE = 1150
"""Pixels of each of two pictures that are side by side, and of one that has the whole width."""
LONG = 34
"""Characters of an answer that gets a line for itself."""
POINT = 4 / 3
"""Pixels in a point, the unit of Matplotlib's pictures."""


def pages_of(stories: Sequence[Story], folder: Path, quick: bool) -> dict[str, str]:
    """Render every page, by the name of its file.

    They are index.html, one for each story, and one for each file of code that a story shows.

    Args:
        stories: The stories; the pages have the order of the catalog.
        folder: Where their pictures are.
        quick: Whether the demos ran in the quick setting.
    """
    order = {name: place for place, name in enumerate(CARDS)}
    stories = sorted(stories, key=lambda story: order.get(story.name, len(order)))
    playground = _playground(stories)
    # A page without code is of somebody else's demo, and this README is not about it.
    has_readme = README.is_file() and any(story.code for story in stories)
    menu = _menu(playground, has_readme)
    pages = {"index.html": _page("scalargrad: gallery", _index(stories, folder, quick), menu)}

    # Each story leads to its neighbors; the first and the last have only one.
    for place, story in enumerate(stories):
        title = f"{_text(story.title)} · scalargrad"
        body = _story(stories, place, folder)
        pages[page_name(story)] = _page(title, body, menu)

    files = {listing.file: story for story in stories for listing in story.code}
    for file, story in files.items():
        pages[_code_name(file)] = _page(f"{_text(file)} · scalargrad", _file(file, story), menu)
    if has_readme:
        pages["readme.html"] = _page("scalargrad: README", readme_page(folder), menu)
    return pages


def page_name(story: Story) -> str:
    """Return the file name of a story's page."""
    # Only characters that are safe in file names on every system and need no quoting in a URL.
    kept = [c for c in story.name if (c.isascii() and c.isalnum()) or c in "-_"]
    return f"{''.join(kept) or 'demo'}.html"


def size_of(path: Path) -> tuple[int, int]:
    """Return width and height of an SVG file in pixels, as a browser shows it."""
    # The page states them, so that it does not jump while its pictures load.
    root = ElementTree.parse(path).getroot()
    _, _, width, height = map(float, root.get("viewBox", "0 0 0 0").split())
    scale = POINT if root.get("width", "").endswith("pt") else 1.0
    return round(width * scale), round(height * scale)


def _page(title: str, body: str, menu: str) -> str:
    style = STYLE + (CARD_STYLE if "cards" in body else "")
    return PAGE.format(title=title, style=style, head=HEAD.format(logo=LOGO, menu=menu), body=body)


def _menu(playground: Explorer | None, has_readme: bool) -> str:
    links = {"Gallery": "index.html"}
    if playground:
        links["Playground"] = quote(playground.file)
    if has_readme:
        links["README"] = "readme.html"
    return "".join(f'<a href="{link}">{name}</a>' for name, link in links.items())


def _playground(stories: Sequence[Story]) -> Explorer | None:
    """Return the first page in which a network learns; that of the two moons comes first."""
    ordered = sorted(stories, key=lambda story: story.name != "moons")
    pages = [page for story in ordered for page in story.explorers if page.trains]
    return pages[0] if pages else None


# The first page


def _index(stories: Sequence[Story], folder: Path, quick: bool) -> str:
    by_name = {story.name: story for story in stories}
    parts = [_hero(stories, folder)]
    for group in GROUPS:
        members = [by_name[name] for name in group.cards if name in by_name]
        if members:
            parts.append(_group(group, members, folder))

    others = [story for story in stories if story.name not in CARDS]
    if others:
        parts.append(_group(Group("More demos", "", {}), others, folder))
    setting = "in a quick setting" if quick else "in full"
    if quick:
        setting += ", so the numbers are those of a short training"
    parts.append(
        '<p class="end">Every demo is plain Python: its code is beside its pictures. '
        '<span class="badge">explore</span> means a page to open, offline, with every number in '
        f"it. These demos ran {setting}.</p>\n"
    )
    return "".join(parts)


def _hero(stories: Sequence[Story], folder: Path) -> str:
    playground = _playground(stories)
    if playground is None:
        return HERO.format(buttons=_button("#demos", f"{len(stories)} demos"), picture="")
    link = quote(playground.file)
    buttons = _button(link, "▶ Open the playground", "main")
    buttons += _button("#demos", f"{len(stories)} demos")
    picture = ""
    films = [picture for story in stories for picture in story.pictures if picture.is_front]
    if films:
        image = _image(films[0], folder)
        picture = f'<a class="stage" href="{link}">{image}</a>'
    return HERO.format(buttons=buttons, picture=picture)


def _button(link: str, text: str, kind: str = "") -> str:
    return f'<a class="button {kind}" href="{link}">{text}</a>'


def _group(group: Group, stories: Sequence[Story], folder: Path) -> str:
    cards = "".join(_card(story, folder) for story in stories)
    # A group of two leaves space in its row.
    own = OWN if len(group.cards) == 2 else ""
    return (
        f'<section><h2>{_text(group.title)}<span class="what">{_text(group.line)}</span></h2>\n'
        f'<ul class="cards">\n{cards}{own}</ul></section>\n'
    )


def _card(story: Story, folder: Path) -> str:
    card = CARDS.get(story.name) or _plain_card(story, folder)
    badges = ""
    if any(page.trains for page in story.explorers):
        badges += '<span class="badge">train</span>'
    if any(not page.trains for page in story.explorers):
        badges += '<span class="badge">explore</span>'
    return (
        f'<li><a href="{quote(page_name(story))}">{_cover(card.cover, story, folder)}'
        f"<h3>{_text(card.title)}</h3></a><p>{_text(card.line)}</p>"
        f'<p class="badges">{badges}</p></li>\n'
    )


def _plain_card(story: Story, folder: Path) -> Card:
    """Make a card for a demo that is not in the catalog: the left of its first picture."""
    first = story.text[0] if story.text else ""
    if not story.pictures:
        return Card(story.title, first, Cover("", 0.0, 0.0, 0.0))
    file = story.pictures[0].file
    return Card(story.title, first, Cover(file, 0.0, 0.0, _view_box(folder / file)[0]))


def _cover(cover: Cover, story: Story, folder: Path) -> str:
    pictures = [picture for picture in story.pictures if picture.file == cover.file]
    if not pictures:
        return '<span class="cover"></span>'
    width, height = _view_box(folder / cover.file)
    # In shares of the card, so that the part stays the same at every size of the card.
    place = (
        f"width:{100 * width / cover.width:.4g}%;left:{-100 * cover.left / cover.width:.4g}%;"
        f"top:{-100 * cover.top / cover.height:.4g}%"
    )
    source = _text(quote(cover.file))
    alt = _text(pictures[0].alt)
    return (
        f'<span class="cover"><img src="{source}" width="{round(width)}" height="{round(height)}" '
        f'alt="{alt}" loading="lazy" style="{place}"></span>'
    )


def _view_box(path: Path) -> tuple[float, float]:
    box = ElementTree.parse(path).getroot().get("viewBox", "").split()
    return float(box[2]), float(box[3])


# The page of a demo


def _story(stories: Sequence[Story], place: int, folder: Path) -> str:
    story = stories[place]
    lead, *paragraphs = story.text or ("",)
    text = "".join(f"<p>{_text(paragraph)}</p>\n" for paragraph in paragraphs)
    listings = [_listing(listing) for listing in story.code]

    # Pictures that are narrow enough are beside the code, as many as come before a wide one.
    sizes = [size_of(folder / picture.file)[0] for picture in story.pictures]
    beside = 0
    while beside < min(len(sizes), 2) and sizes[beside] <= COLUMN:
        beside += 1
    figures = [
        _figure(picture, folder, _kind(width))
        for picture, width in zip(story.pictures, sizes, strict=True)
    ]
    right = "".join(figures[:beside])
    left = "".join(listings)
    if right:
        left += f'<div class="story">{text}</div>'
    else:
        # Nothing but wide pictures, which follow below: words and code share the columns.
        left = "".join(listings[:1])
        right = f'<div class="story">{text}</div>{"".join(listings[1:])}'
    rest = "".join(figures[beside:])

    parts = [
        _trail(stories, place),
        f"<h1>{_text(story.title)}</h1>\n",
        f'<p class="lead">{_text(lead)}</p>\n' if lead else "",
        f'<p class="buttons">{"".join(map(_explorer, story.explorers))}</p>\n',
        f'<div class="two"><div>{left}</div><div>{right}</div></div>\n',
        f'<div class="pictures">{rest}</div>\n' if rest else "",
        _formula(story.formula) if story.formula else "",
        _numbers(story),
        _ways_on(stories, place),
    ]
    return "".join(parts)


def _kind(width: int) -> str:
    """Return how wide a figure is: half of the page, all of it, or a little more than that."""
    if width <= HALF:
        return ""
    # A picture that is a little too wide is shrunk a little; one far too wide is to be scrolled.
    return "wide fit" if WHOLE < width <= 1.2 * WHOLE else "wide"


def _trail(stories: Sequence[Story], place: int) -> str:
    name = stories[place].name
    groups = [group.title for group in GROUPS if name in group.cards]
    group = f" › {_text(groups[0])}" if groups else ""
    return (
        f'<p class="trail"><span><a href="index.html">Gallery</a>{group}</span>'
        f"<span>{place + 1} of {len(stories)}</span></p>\n"
    )


def _ways_on(stories: Sequence[Story], place: int) -> str:
    before = stories[place - 1] if place else None
    after = stories[place + 1] if place + 1 < len(stories) else None
    return (
        f'<nav class="on" aria-label="Neighbors"><span>{_leads(before, "← {}")}</span>'
        f"<span>{_leads(after, '{} →')}</span></nav>\n"
    )


def _leads(story: Story | None, form: str) -> str:
    if story is None:
        return ""
    return f'<a href="{quote(page_name(story))}">{form.format(_text(story.title))}</a>'


def _explorer(explorer: Explorer) -> str:
    link = _text(quote(explorer.file))
    word, kind = ("▶ Train", "main") if explorer.trains else ("Explore", "")
    return _button(link, f"{word}: {_text(explorer.title)}", kind)


def _figure(picture: Picture, folder: Path, kind: str) -> str:
    link = _text(quote(picture.file))
    return (
        f'<figure class="{kind}"><a class="scroller" href="{link}">{_image(picture, folder)}</a>'
        f"<figcaption>{_text(picture.caption)}</figcaption></figure>\n"
    )


def _image(picture: Picture, folder: Path) -> str:
    width, height = size_of(folder / picture.file)
    source = _text(quote(picture.file))
    return f'<img src="{source}" width="{width}" height="{height}" alt="{_text(picture.alt)}">'


def _formula(formula: Formula) -> str:
    return (
        f'<div class="formula"><div class="scroller" tabindex="0">{formula.mathml}</div>'
        f"<p>{_text(formula.caption)}</p></div>\n"
    )


def _numbers(story: Story) -> str:
    if not story.numbers:
        return ""
    rows = "".join(_row(what, answer) for what, answer in story.numbers)
    return f'<h2 class="small">Numbers</h2>\n<dl class="numbers">{rows}</dl>\n'


def _row(what: str, answer: str) -> str:
    # Words are set like words: only what is all number gets the font for columns of digits.
    kinds = [] if re.search(r"[^\W\d_]{3,}", answer) else ["digits"]
    if len(answer) > LONG:
        kinds.append("long")
    return f'<div class="{" ".join(kinds)}"><dt>{_text(what)}</dt><dd>{_text(answer)}</dd></div>'


# Code


def _code_name(file: str) -> str:
    return f"{Path(file).stem}-code.html"


def _listing(listing: Listing) -> str:
    lines = "".join(
        f'<span class="l" data-n="{number}">{line or " "}\n</span>{_result(listing, number)}'
        for number, line in enumerate(highlight(listing.source), listing.first)
    )
    last = listing.first + listing.source.count("\n")
    link = f"{_code_name(listing.file)}#L{listing.first}"
    return (
        f'<div class="code"><p><a href="{link}">{_text(listing.file)}</a>'
        f"<span>lines {listing.first}–{last}</span></p><pre><code>{lines}</code></pre></div>\n"
    )


def _result(listing: Listing, number: int) -> str:
    result = listing.results.get(number, "")
    if not result:
        return ""
    line = listing.source.splitlines()[number - listing.first]
    indentation = line[: len(line) - len(line.lstrip())]
    return f'<span class="r">{indentation}→ {_text(result)}\n</span>'


def _file(file: str, story: Story) -> str:
    source = (Path(__file__).parent / file).read_text(encoding="utf-8")
    lines = "".join(
        f'<span class="l" id="L{number}" data-n="{number}">{line or " "}\n</span>'
        for number, line in enumerate(highlight(source), 1)
    )
    return (
        f'<p class="trail"><span><a href="index.html">Gallery</a> › '
        f'<a href="{quote(page_name(story))}">{_text(story.title)}</a></span></p>\n'
        f"<h1>{_text(file)}</h1>\n"
        f'<div class="code whole"><pre><code>{lines}</code></pre></div>\n'
    )


def _text(text: str) -> str:
    return escape("".join(c for c in text if c.isprintable()), quote=True)

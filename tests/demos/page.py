"""A strict reader of the gallery's page, which needs nothing installed.

`python -m tests.demos.page FOLDER DEMO…` checks a whole gallery.
"""

import re
import sys
import zlib
from base64 import b64decode, b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

from demos.story import Story

VOID = {"meta", "img", "br", "link", "input"}
LARGEST = 400_000
"""Bytes of a page to explore."""
LARGEST_WHOLE = 1_500_000
"""Bytes of the page with all scalars of a GPT."""
WHOLE_PAGE = "microgpt-whole-explore.html"


class Page(HTMLParser):
    """What is on a page: its links, ids, pictures and texts, and what is wrong with it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.alts: list[str] = []
        self.tags: set[str] = set()
        self.names: set[str] = set()
        self.text, self.policy, self.style = "", "", ""
        self.scripts: list[str] = []
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        found = dict(attrs)
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found.get("content") or ""
        if tag == "script":
            self.scripts.append("")
            self.faults += [f"a script is loaded from {found['src']}"] if "src" in found else []
        self.names.update(found)
        self.links += [value for name, value in attrs if name in ("href", "src") and value]
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag == "img":
            self.alts.append(found.get("alt") or "")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes what is not open")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.open[-1:] == ["script"]:
            self.scripts[-1] += data
        if self.open[-1:] == ["style"]:
            self.style += data


def faults_of(folder: Path, demos: list[str]) -> list[str]:
    """What is wrong with the gallery in `folder`, which should show `demos`."""
    # A gallery of other people's demos has no README.
    readme = [folder / "readme.html"] if (folder / "readme.html").is_file() else []
    pages = {
        path.name: Page(path.read_text(encoding="utf-8"))
        for path in [folder / "index.html", *readme, *(folder / f"{demo}.html" for demo in demos)]
    }
    faults = [
        f"{name}: {fault}"
        for name, page in pages.items()
        for fault in _faults_of_page(folder, page)
    ]
    links = {link for page in pages.values() for link in page.links}
    shown = {unquote(link.partition("#")[0]) for link in links} | {"index.html"}
    faults += [f"{path.name} is on no page" for path in folder.iterdir() if path.name not in shown]
    faults += [
        f"no way from the first page to {demo}"
        for demo in demos
        if f"{demo}.html" not in pages["index.html"].links
    ]
    faults += [
        f"no picture of the demo {name}" for name in demos if not list(folder.glob(f"{name}-*.svg"))
    ]
    return faults


def _faults_of_page(folder: Path, page: Page) -> list[str]:
    faults = page.faults + [f"a picture has no text: {alt!r}" for alt in page.alts if len(alt) < 20]
    return faults + [fault for link in page.links for fault in _faults_of_link(folder, page, link)]


def _faults_of_link(folder: Path, page: Page, link: str) -> list[str]:
    file, _, place = link.partition("#")
    if place and not file:
        return [] if place in page.ids else [f"{link} is no place on its page"]
    path = folder / unquote(file)
    if ":" in link or link.startswith("/") or not path.is_file():
        return [f"{link} is no file in the gallery"]
    if path.suffix == ".svg":
        return _faults_of_picture(path)
    has_script = path.stem.endswith(("-explore", "-train"))
    return _faults_of_explorer(path) if has_script else []


def _faults_of_explorer(path: Path) -> list[str]:
    """A page with a script: its own policy knows that one by its hash, and allows nothing else.

    A page that trains has two of them: one that loads the program, and the packed program.
    """
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    faults = page.faults + [f"it links to {link}" for link in page.links]
    faults += [f"it has the attribute {name}" for name in page.names if name.startswith("on")]
    largest = LARGEST_WHOLE if path.name == WHOLE_PAGE else LARGEST
    faults += [f"it is {len(text):,} bytes large"] if len(text) >= largest else []
    rules = dict(rule.strip().partition(" ")[::2] for rule in page.policy.split(";"))
    packed = re.findall(r'id="program">([^<]*)<', text)
    programs = [zlib.decompress(b64decode(program)).decode() for program in packed]
    allowed = [
        f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"
        for script in [page.scripts[-1], *programs]
    ]
    faults += (
        ["its policy allows more than it needs"]
        if rules.get("default-src") != "'none'" or "unsafe" in page.policy
        else []
    )
    faults += (
        ["its policy does not know its script"]
        if rules.get("script-src") != " ".join(allowed)
        else []
    )
    return [f"{path.name}: {fault}" for fault in faults]


def files_of(story: Story) -> list[str]:
    """The files that a story leads to, in order of their names."""
    return sorted(
        [picture.file for picture in story.pictures]
        + [explorer.file for explorer in story.explorers]
    )


def _faults_of_picture(path: Path) -> list[str]:
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        return [f"{path.name} is not well formed: {error}"]
    links = [
        value
        for element in root.iter()
        for name, value in element.attrib.items()
        if name.endswith("href")
    ]
    faults = [
        f"{path.name} links to {link}"
        for link in links
        if not link.startswith(("#", "data:image/png;base64,"))
    ]
    faults += [
        f"{path.name} holds a script" for element in root.iter() if element.tag.endswith("}script")
    ]
    return (
        faults
        if root.tag == "{http://www.w3.org/2000/svg}svg"
        else [*faults, f"{path.name} is no SVG"]
    )


if __name__ == "__main__":
    found = faults_of(Path(sys.argv[1]), sys.argv[2:])
    print("\n".join(found) or f"{sys.argv[1]} is well formed and complete")
    sys.exit(bool(found))

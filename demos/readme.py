"""The README as a page of the gallery: as much of Markdown as the README uses."""

import re
import shutil
from collections.abc import Iterator
from html import escape
from pathlib import Path

from demos.listing import highlight

README = Path(__file__).parent.parent / "README.md"


def readme_page(folder: Path) -> str:
    """Return the README as HTML, and copy its pictures to the folder of the gallery."""
    text = README.read_text(encoding="utf-8")
    # Code between fences keeps its blank lines; all else is a block between two of them.
    pieces = re.split(r"^```(\w*)\n(.*?)^```\n", text, flags=re.DOTALL | re.MULTILINE)
    parts = []
    for place in range(0, len(pieces), 3):
        parts += [_block(block, folder) for block in _blocks(pieces[place])]
        if place + 2 < len(pieces):
            parts.append(_code(pieces[place + 1], pieces[place + 2]))
    return f'<div class="readme">{"".join(parts)}</div>\n'


def _blocks(text: str) -> Iterator[str]:
    for block in re.split(r"\n\s*\n", text):
        if block.strip():
            yield block.strip("\n")


def _code(language: str, source: str) -> str:
    plain = source.rstrip().splitlines()
    lines = [_prompted(line) for line in plain] if language == "python" else map(escape, plain)
    text = "\n".join(lines)
    return f'<div class="code"><pre><code>{text}</code></pre></div>\n'


def _prompted(line: str) -> str:
    """Color a line of a session: what follows a prompt is code, all else was printed."""
    prompt, code = line[:4], line[4:]
    if prompt.strip() in (">>>", "..."):
        return f'<span class="c">{escape(prompt)}</span>{"".join(highlight(code))}'
    return escape(line)


def _block(block: str, folder: Path) -> str:
    if heading := re.fullmatch(r"(#+) (.*)", block):
        level = len(heading[1])
        return f"<h{level}>{_inline(heading[2], folder)}</h{level}>\n"
    if block.startswith("|"):
        return _table(block, folder)
    if re.match(r"[-*] |\d+\. ", block):
        items = re.split(r"^(?:[-*]|\d+\.) ", block, flags=re.MULTILINE)[1:]
        inside = "".join(f"<li>{_inline(item, folder)}</li>" for item in items)
        return f"<ul>{inside}</ul>\n"
    return f"<p>{_inline(block, folder)}</p>\n"


def _table(block: str, folder: Path) -> str:
    rows = [line.strip().strip("|").split("|") for line in block.splitlines()]
    head, _, *body = [[_inline(cell.strip(), folder) for cell in row] for row in rows]
    cells = "".join(f"<th scope=col>{cell}</th>" for cell in head)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in body)
    return (
        '<div class="scroller" tabindex="0">'
        f"<table><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table></div>\n"
    )


def _inline(text: str, folder: Path) -> str:
    """Return a piece of text with its code, emphasis, pictures and links."""
    # Code first: nothing in it means anything else.
    parts = re.split(r"`([^`]+)`", text)
    written = []
    for place, part in enumerate(parts):
        safe = escape(part)
        written.append(f"<code>{safe}</code>" if place % 2 else _emphasis(safe, folder))
    return "".join(written)


def _emphasis(text: str, folder: Path) -> str:
    def picture(found: re.Match[str]) -> str:
        shutil.copy(README.parent / found[2], folder)
        return f'<img src="{Path(found[2]).name}" alt="{found[1]}">'

    def link(found: re.Match[str]) -> str:
        # Other files of the project are not in the gallery: their names remain.
        is_address = found[2].startswith("https:")
        return f'<a href="{found[2]}">{found[1]}</a>' if is_address else found[1]

    text = re.sub(r"!\[([^\]]*)\]\(([^)]*)\)", picture, text)
    text = re.sub(r"\[([^\]]*)\]\(([^)]*)\)", link, text)
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text)

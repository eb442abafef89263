"""The document of a page: its body, its style, its scripts, and what only they may do."""

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from viz.look.measures import BORDER, FONT_SIZES
from viz.look.text import escape
from viz.look.theme import DARK, LIGHT, Theme, mix, text_color

from .block_views import BlockViews
from .compact import compact_body, compact_script, compact_style
from .packing import deflate
from .scripts import (
    asset,
    compact_bodies,
    find_used,
    join_scripts,
    page_scripts,
    page_styles,
    parse_script,
)

_BLOCKS = "blocks"
"""The script of the level of blocks, which only some pages that don't train have."""
MAX_PLAIN = 500_000
"""Characters of a graph from which on it is written deflated."""


def script_json(thing: Any) -> str:
    """Return JSON that can be in a script element: without `<`, `>`, `&` and non-ASCII characters.

    Example:
        >>> script_json("</script>")
        '"\\\\u003c/script\\\\u003e"'
    """
    # A label may contain `</script>`, which would end the element even inside a string.
    text = json.dumps(thing, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _color_variables() -> str:
    """Return both themes as CSS variables, the dark one for readers who ask for it.

    They choose on the page or in their system; the choice on the page wins.
    """
    light = _theme_variables(LIGHT, 0.0)
    dark = _theme_variables(DARK, 0.25)
    dark_rule = f"{{ color-scheme: dark; {dark} }}"
    return (
        f":root {{ color-scheme: light; {light} }}\n"
        f":root[data-theme='dark'] {dark_rule}\n"
        f"@media (prefers-color-scheme: dark) {{ :root:not([data-theme='light']) {dark_rule} }}\n"
    )


def _theme_variables(theme: Theme, lighter: float) -> str:
    variables = {
        name: getattr(theme, name.replace("-", "_"))
        for name in ("page", "card", "ink", "muted", "line", "group", "group-line", "alarm")
    }
    for k, code in enumerate(theme.negative):
        variables[f"n{k}"] = code
    for k, code in enumerate(theme.positive):
        variables[f"p{k}"] = code
    for kind, code in theme.badges.items():
        variables[f"badge-{kind}"] = code
    # As thin lines and as text the colors of badges are too dark on a dark page.
    variables["parameter-line"] = mix(theme.badges["parameter"], "#ffffff", lighter)
    variables["badge-input-text"] = mix(theme.badges["input"], "#ffffff", 2 * lighter)
    accent = theme.positive[-1]
    variables["accent-text"] = accent
    variables["on-accent"] = text_color(accent)
    return _declare(variables)


def _measure_variables() -> str:
    """Return the fonts and borders of the drawing as CSS variables."""
    variables: dict[str, object] = {}
    for name, size in asdict(FONT_SIZES).items():
        variables[f"font-{name}"] = f"{size:g}px"
    for name, value in asdict(BORDER).items():
        variables[f"border-{name}"] = value
    return f":root {{ {_declare(variables)} }}\n"


def _declare(variables: Mapping[str, object]) -> str:
    declarations = []
    for name, value in variables.items():
        declarations.append(f"--{name.replace('_', '-')}: {value};")
    return " ".join(declarations)


def write_document(
    graph: dict[str, Any],
    numbers: str,
    samples: str,
    rules_script: str,
    blocks: BlockViews | None = None,
) -> str:
    """Return the document of a page.

    Args:
        graph: What the page knows of its graph, as JSON holds it.
        numbers: The packed numbers.
        samples: The packed samples that it trains with; "" if it does not train.
        rules_script: The script with the rules of its operations.
        blocks: Its blocks, None for a page without that level.
    """
    is_playground = "training" in graph
    scripts = {**page_scripts(), "rules": parse_script(rules_script)}
    # Extensions add themselves: nothing imports them.
    extensions = [name for name, script in scripts.items() if script.is_extension]
    entries = ["start"]
    if is_playground:
        entries += [name for name in extensions if name != _BLOCKS]
    elif blocks is not None:
        entries.append(_BLOCKS)
    joined = join_scripts(compact_bodies(find_used(scripts, entries)))
    script = f"'use strict';\n(() => {{\n{joined}}})();\n"
    variables = _color_variables() + _measure_variables()
    style = compact_style(variables + "".join(map(asset, page_styles(is_playground))))
    body = compact_body(asset("playground.html" if is_playground else "body.html"))
    if blocks is not None:
        graph = graph | {"blocks": blocks.data}
        style += compact_style(asset("blocks.css")) + blocks.style

    # Of a page that trains the policy has to know the program too, which is in it deflated only.
    allowed = [script]
    text = script_json(graph)
    if is_playground or blocks is not None or len(text) > MAX_PLAIN:
        # The program is three quarters of a page that trains, and a third of that as deflated text.
        # A loader inflates it and adds it as a script, which the policy knows by its hash: to
        # evaluate text it would have to allow that for any text. Other pages have less than half
        # of the program, and unless their graph is large they keep it as readers can follow it.
        loader = compact_script(asset("loader.js"))
        allowed = [loader, script]
        data = _octets("graph", deflate(text)) + _octets("program", deflate(script))
        script = loader
    else:
        data = f'<script type="application/json" id="graph">{text}</script>\n'
    hashes = " ".join(f"'{_policy_hash(each)}'" for each in allowed)
    policy = (
        f"default-src 'none'; style-src '{_policy_hash(style)}'; "
        f"script-src {hashes}; img-src blob:; base-uri 'none'; form-action 'none'"
    )
    title = escape(graph["title"], 120)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{style}</style>\n</head>\n"
        f"<body>\n{body}{data}"
        f"{_octets('numbers', numbers)}{_octets('samples', samples)}"
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _octets(name: str, text: str) -> str:
    """Return what is packed as an element; "" if there is nothing."""
    if not text:
        return ""
    return f'<script type="application/octet-stream" id="{name}">{text}</script>\n'


def _policy_hash(text: str) -> str:
    """Return what the policy knows an inline script or style by; browsers refuse any other text."""
    digest = sha256(text.encode("utf-8")).digest()
    return "sha256-" + b64encode(digest).decode("ascii")

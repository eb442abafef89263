"""One self-contained page to explore a graph in: it opens offline, asks the network for nothing and runs no script but its own."""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import Any

import numpy

from scalargrad.compiler import Compiled
from scalargrad.doctor import Diagnosis
from scalargrad.errors import PictureError
from scalargrad.nn.module import Module
from scalargrad.training import Recorder, Recording
from scalargrad.utils.calls import explain_calls
from scalargrad.utils.files import write
from viz.drawing import Drawing, checked_path
from viz.look.text import clean, escape
from viz.look.theme import DARK, LIGHT, Theme, checked_theme, mixed, text_color
from viz.model.snapshot import Snapshot, grad_of
from viz.showing import show
from viz.views.choose import pictures_of, roots_of
from viz.views.dictionary import is_directed_graph

from .graph_json import as_numbers, facts
from .packing import Frames, packed, recorded
from .rules_js import rules
from .scripts import asset, join_scripts, page_scripts, parse_script

MOST_VALUES = 50_000
ENDINGS = (".html", ".htm")


class Page:
    """A page with one graph. It shows itself in a notebook, and saves itself as a file that needs nothing else.

    html  the whole document
    """

    def __init__(self, html: str, values: int, frames: int, still: Callable[[], Drawing]) -> None:
        self.html, self._values, self._frames, self._still = html, values, frames, still

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the page to a file: whole, or not at all.

        Args:
            path: A name that ends in .html or .htm.

        Returns:
            The path.

        Raises:
            OptionError: The name has another ending, or none.
        """
        return write(checked_path(path, ENDINGS, "a page"), self.html)

    def show(self) -> None:
        """Open the page in the browser; in a notebook, display it there."""
        show(self, self.html)

    def __repr__(self) -> str:
        steps = f" at {self._frames} steps" if self._frames > 1 else ""
        return f"<Page of {self._values:,} values{steps}, {len(self.html) / 1000:,.0f} KB>"

    def _repr_html_(self) -> str:
        """The page in a frame of its own, shut off from the notebook around it, and a still picture for notebooks that are not trusted."""
        style = "width:100%;height:640px;border:1px solid #d0d7de;border-radius:8px"
        content = self.html.replace("&", "&amp;").replace('"', "&quot;")
        frame = f'<iframe title="{escape(repr(self)[1:-1])}" sandbox="allow-scripts" style="{style}" srcdoc="{content}"></iframe>'
        return f"{frame}<details><summary>as a still picture</summary>{self._still()._repr_html_()}</details>"

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:  # noqa: ARG002
        return {"text/html": self._repr_html_(), "text/plain": repr(self)}


@explain_calls
def explore(target: Any, *, title: str = "", theme: str = "auto") -> Page:
    """A page to explore a graph in: walk it, step the backward pass, scrub through training, drag a leaf and see what follows.

    target  a Value, a list of Values, a Module, or a Recording of its training
    title   a heading
    theme   "auto" (as the reader prefers), "light" or "dark"

    Raises PictureError for what is no graph, for a recording without frames, and for more than 50,000 values; OptionError for another
    theme.

    >>> from scalargrad import Value, tanh
    >>> o = tanh(Value(2.0, label="x") * 0.5)
    >>> o.backward()
    >>> explore(o)  # doctest: +ELLIPSIS
    <Page of 4 values, ... KB>
    """
    recording = target.recording if isinstance(target, Recorder) else target
    snapshot, frames, graph = (
        _recorded(recording) if isinstance(recording, Recording) else _single(recording)
    )
    graph |= {
        "title": clean(title, 120) or _heading(recording, snapshot),
        "theme": checked_theme(theme),
    }
    graph |= {
        "bytes": frames.bytes,
        "rows": frames.rows,
        "frames": frames.frames,
        "rounded": frames.rounded,
    }
    document = _document(graph, frames.text, rules(snapshot.order))
    return Page(
        document, len(snapshot), frames.frames, lambda: Drawing(pictures_of(snapshot.roots))
    )


def _heading(target: Any, snapshot: Snapshot) -> str:
    if isinstance(target, Module):
        return type(target).__name__
    if isinstance(target, Recording):
        return f"training, {len(target):,} frames"
    return clean(snapshot.roots[0].label, 40) or "expression graph"


def _single(target: Any) -> tuple[Snapshot, Frames, dict[str, Any]]:
    if isinstance(target, Mapping | Compiled | Diagnosis) or is_directed_graph(target):
        raise PictureError(
            f"explore takes a Value, a list of Values, a Module or a Recording, not a {type(target).__name__}; "
            "of a compiled program give it what `load` returns"
        )
    snapshot = _checked(Snapshot(roots_of(target)))
    table = numpy.array(
        [[node.data for node in snapshot.order], [grad_of(node) for node in snapshot.order]]
    )
    graph = facts(snapshot) | {
        "steps": [0],
        "losses": [],
        "leaves": False,
        "seeded": any(map(grad_of, snapshot.roots)),
    }
    return snapshot, packed(table.reshape(-1, 1)), graph


def _recorded(recording: Recording) -> tuple[Snapshot, Frames, dict[str, Any]]:
    if not len(recording) or not recording.values:
        raise PictureError(
            "the recording has no frames of a graph: train with the Recorder among the callbacks of fit first"
        )
    used = {arg for node in recording.values for arg in node.args}
    snapshot = _checked(Snapshot([node for node in recording.values if node not in used]))
    column = {node: i for i, node in enumerate(recording.values)}
    columns = [column[node] for node in snapshot.order]
    frames, leaves = recorded(
        snapshot,
        numpy.asarray(recording.data)[:, columns],
        numpy.asarray(recording.gradients)[:, columns],
    )
    graph = facts(snapshot)
    graph |= {
        "steps": list(recording.steps),
        "losses": as_numbers(recording.losses),
        "leaves": leaves,
        "seeded": True,
    }
    return snapshot, frames, graph


def _checked(snapshot: Snapshot) -> Snapshot:
    if not len(snapshot):
        raise PictureError("there is nothing to explore: the list is empty")
    if len(snapshot) > MOST_VALUES:
        raise PictureError(
            f"the graph has {len(snapshot):,} values, and a page holds at most {MOST_VALUES:,}: "
            "explore one sample instead of a batch, or a part of the network; viz.draw shows large networks folded"
        )
    return snapshot


def as_json(thing: Any) -> str:
    """JSON that can stand inside a script element: no `<`, `>` or `&`, and no line end that only JSON knows.

    >>> as_json("</script>")
    '"\\\\u003c/script\\\\u003e"'
    """
    text = json.dumps(thing, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _colors() -> str:
    """The two themes of all pictures as variables of the style; the dark one for those who ask for it, or whose system does."""
    light, dark = _variables(LIGHT, 0.0), _variables(DARK, 0.25)
    return (
        f":root {{ color-scheme: light; {light} }}\n:root[data-theme='dark'] {{ color-scheme: dark; {dark} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root:not([data-theme='light']) {{ color-scheme: dark; {dark} }} }}\n"
    )


def _variables(theme: Theme, lighter: float) -> str:
    plain = {
        name: getattr(theme, name.replace("-", "_"))
        for name in ("page", "card", "ink", "muted", "line", "group", "group-line", "alarm")
    }
    scales = {
        f"{side[0]}{k}": code
        for side in ("negative", "positive")
        for k, code in enumerate(getattr(theme, side))
    }
    badges = {f"badge-{kind}": code for kind, code in theme.badges.items()}
    accent = theme.positive[-1]
    more = {
        "parameter-line": mixed(theme.badges["parameter"], "#ffffff", lighter),
        "badge-input-text": mixed(theme.badges["input"], "#ffffff", 2 * lighter),
        "accent-text": accent,
        "on-accent": text_color(accent),
    }
    return " ".join(f"--{name}: {code};" for name, code in (plain | scales | badges | more).items())


def _document(graph: dict[str, Any], numbers: str, rules_text: str) -> str:
    scripts = {**page_scripts(), "rules": parse_script(rules_text)}
    script = f"'use strict';\n(() => {{\n{join_scripts(scripts)}}})();\n"
    style = _colors() + asset("page.css")
    policy = f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    body = asset("body.html")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(graph["title"], 120)}</title>\n'
        f"<style>{style}</style>\n</head>\n<body>\n{body}"
        f'<script type="application/json" id="graph">{as_json(graph)}</script>\n'
        f'<script type="application/octet-stream" id="numbers">{numbers}</script>\n'
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _hash(text: str) -> str:
    """What the policy of the page knows an inline script or style by: any other text is refused by the browser."""
    return "sha256-" + b64encode(sha256(text.encode("utf-8")).digest()).decode("ascii")

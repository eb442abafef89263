"""The page's scripts: ES modules in `assets/`, joined into one inline script.

The policy of the page allows one script by its hash, and a file on a disk can't import modules.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from graphlib import TopologicalSorter
from importlib.resources import files

from .compact import compact_script

_PAGE_STYLE = "page.css"
"""The style that all pages have."""
_EXPLORER_STYLE = "explorer.css"
_BLOCKS_STYLE = "blocks.css"
_PLAYGROUND_STYLE = "playground.css"

_IMPORT = re.compile(r"^import \{([^}]*)\} from '\./(\w+)\.js';\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=const |let |function |async function )", re.MULTILINE)
_DECLARED = re.compile(
    r"^(export )?(?:const|let|function|async function) (?:(\w+)|[\[{]([^=]*)[\]}] =)", re.MULTILINE
)


@dataclass(frozen=True)
class Script:
    """A script that declares what it takes from others and what it gives to them.

    Attributes:
        imports: The names that it imports, by the script that they come from.
        exports: The names that it exports.
        private: Its other names at the top level.
        body: The text without the declarations of imports and exports.
    """

    imports: Mapping[str, tuple[str, ...]]
    exports: tuple[str, ...]
    private: tuple[str, ...]
    body: str

    @property
    def is_extension(self) -> bool:
        """Whether it adds itself to the page, as those do that only a page that trains has."""
        # By what it does: a list of their names would have to be kept beside them.
        return "\nextend(" in self.body


def parse_script(text: str) -> Script:
    """Read the declarations of a script.

    This knows the forms that the scripts of the page keep to: `import {…} from './name.js';` and
    `export` before a declaration, each at the start of a line.

    Example:
        >>> script = parse_script("import { x } from './graph.js';\\nexport const y = 2 * x;\\n")
        >>> script.imports, script.exports, script.body
        ({'graph': ('x',)}, ('y',), 'const y = 2 * x;\\n')
    """
    imports = {name: _names(listed) for listed, name in _IMPORT.findall(text)}
    exports: list[str] = []
    private: list[str] = []
    for exported, name, destructured in _DECLARED.findall(text):
        names = (name,) if name else _names(destructured)
        if exported:
            exports.extend(names)
        else:
            private.extend(names)

    without_imports = _IMPORT.sub("", text)
    body = _EXPORT.sub("", without_imports)
    return Script(imports, tuple(exports), tuple(private), body)


def _names(listed: str) -> tuple[str, ...]:
    """Return the names of a list in braces; `a: b` declares b."""
    names = []
    for part in listed.split(","):
        _, _, name = part.rpartition(":")
        names.append(name.strip())
    return tuple(filter(None, names))


@cache
def asset(name: str) -> str:
    """Return the text of a file in `assets/`."""
    return (files(__package__) / "assets" / name).read_text(encoding="utf-8")


@cache
def page_scripts() -> Mapping[str, Script]:
    """Return the scripts in `assets/` by name.

    One script that they import, `rules`, is missing: it is written for each graph.
    """
    # Sorted, as folders are listed in any order, and pages are the same everywhere.
    folder = files(__package__) / "assets"
    scripts = {}
    for name in sorted(path.name for path in folder.iterdir()):
        if name.endswith(".js"):
            scripts[name.removesuffix(".js")] = parse_script(asset(name))
    return scripts


def page_styles(is_playground: bool) -> list[str]:
    """Return the names of the styles of a page, the most general ones first.

    Args:
        is_playground: Whether the page trains. Its sections have styles of their own.
    """
    if not is_playground:
        return [_PAGE_STYLE, _EXPLORER_STYLE]
    folder = files(__package__) / "assets"
    names = sorted(path.name for path in folder.iterdir() if path.name.endswith(".css"))
    first = [_PAGE_STYLE, _PLAYGROUND_STYLE]
    others = {_EXPLORER_STYLE, _BLOCKS_STYLE}
    return [*first, *(name for name in names if name not in {*first, *others})]


def find_used(scripts: Mapping[str, Script], entries: Iterable[str]) -> dict[str, Script]:
    """Return some scripts and all that they import, directly or through others.

    Example:
        >>> a, b, c = (parse_script(text) for text in ("import { x } from './b.js';\\n", "", ""))
        >>> list(find_used({"a": a, "b": b, "c": c}, ["a"]))
        ['a', 'b']
    """
    used: dict[str, Script] = {}
    pending = list(entries)
    while pending:
        name = pending.pop()
        if name not in used:
            used[name] = scripts[name]
            pending.extend(scripts[name].imports)
    # In the order of all scripts, so that a page is the same whatever asked for them first.
    return {name: script for name, script in scripts.items() if name in used}


def compact_bodies(scripts: Mapping[str, Script]) -> dict[str, Script]:
    """Return scripts without comments and indentation."""
    return {
        name: replace(script, body=compact_script(script.body)) for name, script in scripts.items()
    }


def join_scripts(scripts: Mapping[str, Script]) -> str:
    """Join scripts into one, each after those that it imports.

    All of them share one scope then, so no two may have a top-level name in common.

    Raises:
        graphlib.CycleError: Some scripts import each other.
    """
    imports = {name: tuple(script.imports) for name, script in scripts.items()}
    # A `const` can't be used before its line, and the scripts use imports at their top level.
    order = TopologicalSorter(imports).static_order()
    return "\n".join(scripts[name].body.lstrip("\n") for name in order)

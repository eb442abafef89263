"""The page's scripts: what they import and export, and how they are joined."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from graphlib import CycleError
from importlib.resources import files

import pytest

from scalargrad import Value
from viz.explorer.rules_js import rules
from viz.explorer.scripts import Script, asset, join_scripts, page_scripts, parse_script
from viz.look.measures import as_data

SCRIPTS: Mapping[str, Script] = {
    **page_scripts(),
    "rules": parse_script(rules([Value(2.0) + 3])),
}

_TOKEN = re.compile(
    r"""
    //[^\n]* | /\*.*?\*/                                  # a comment
    | '(?:[^'\\\n]|\\.)*' | "(?:[^"\\\n]|\\.)*"           # a string
    | (?<=[(,=:\[!&|?{};])[ ]*/(?:[^/\\\n\[]|\\.|\[[^\]\n]*\])+/\w*   # a regular expression
    """,
    re.VERBOSE | re.DOTALL,
)
_USED = re.compile(r"(?:(?<![\w$.])|(?<=\.\.\.))[A-Za-z_$][\w$]*(?![\w$]|:)")


def without_texts(body: str) -> str:
    """The code without comments, strings, regular expressions and the words of templates."""
    code: list[str] = []
    depths: list[int] = []
    i = 0
    while i < len(body):
        if (token := _TOKEN.match(body, i)) and not (depths and depths[-1] < 0):
            code.append(" ")
            i = token.end()
            continue
        sign = body[i]
        if depths and depths[-1] < 0:
            if sign == "`":
                depths.pop()
            elif body.startswith("${", i):
                depths.append(0)
                code.append(" ")
                i += 1
            elif sign == "\\":
                i += 1
        elif sign == "`":
            depths.append(-1)
        elif depths and sign == "}" and depths[-1] == 0:
            depths.pop()
            code.append(" ")
        else:
            if depths:
                depths[-1] += (sign == "{") - (sign == "}")
            code.append(sign)
        i += 1
    return "".join(code)


def used_names(script: Script) -> set[str]:
    """All identifiers but properties (after a dot) and keys (before a colon)."""
    return set(_USED.findall(without_texts(script.body)))


def test_texts_are_left_out_of_the_code() -> None:
    body = "const a = `b ${c + `d ${{ e }}`} f` + 'g' + x.h; // i\nk(/l/, ...m, { n: o });"
    assert used_names(Script({}, (), (), body)) == {"const", "a", "c", "e", "x", "k", "m", "o"}


def test_scripts_do_not_import_each_other_in_a_cycle() -> None:
    assert join_scripts(SCRIPTS)
    circle = {name: Script({other: ()}, (), (), "") for name, other in ("ab", "bc", "ca")}
    with pytest.raises(CycleError):
        join_scripts(circle)


def test_scripts_come_after_what_they_import() -> None:
    joined = join_scripts(SCRIPTS)
    for script in SCRIPTS.values():
        for other in script.imports:
            assert joined.index(SCRIPTS[other].body.strip()) < joined.index(script.body.strip())
    assert not re.search(r"^(import|export) ", joined, re.MULTILINE)


def test_no_two_scripts_have_a_top_level_name_in_common() -> None:
    names = Counter(
        name for script in SCRIPTS.values() for name in (*script.exports, *script.private)
    )
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_imports_what_exists_and_is_used(name: str) -> None:
    used = used_names(SCRIPTS[name])
    for other, names in SCRIPTS[name].imports.items():
        assert set(names) <= set(SCRIPTS[other].exports)
        # The rules of a graph are given all functions, and call some.
        assert name == "rules" or set(names) <= used


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_imports_every_name_that_it_uses_from_another(name: str) -> None:
    assert set(undeclared(name)) == set()


def undeclared(name: str) -> Iterator[str]:
    script = SCRIPTS[name]
    imported = {each for names in script.imports.values() for each in names}
    used = used_names(script) - imported
    for other, elsewhere in SCRIPTS.items():
        if other != name:
            for each in used & {*elsewhere.exports, *elsewhere.private}:
                yield f"{each} of {other}"


def test_every_export_is_imported_somewhere() -> None:
    imported = {
        (other, name)
        for script in SCRIPTS.values()
        for other, names in script.imports.items()
        for name in names
    }
    exported = {(name, each) for name, script in SCRIPTS.items() for each in script.exports}
    assert exported <= imported


# How the assets read

ASSETS = [
    path.name
    for path in (files("viz.explorer") / "assets").iterdir()
    if path.name.endswith((".js", ".css"))
]


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_no_line_is_longer_than_100_columns(name: str) -> None:
    assert [line for line in asset(name).splitlines() if len(line) > 100] == []


SIZES = {"height", "min_width", "badge", "head", "row", "foot", "header", "min_body", "max_label"}


def test_the_drawing_takes_the_sizes_of_nodes_from_the_measures() -> None:
    drawing = without_texts(SCRIPTS["drawing"].body)
    literals = set(re.findall(r"(?<![\w.])\d+(?:\.\d+)?", drawing))
    data = as_data()
    parts = [data[part] for part in ("card", "chip", "mini", "module", "box")]
    sizes = {f"{part[size]:g}" for part in parts for size in SIZES & part.keys()}
    assert {"30", "52", "172"} <= sizes
    assert literals.isdisjoint(sizes)


def test_the_style_has_no_font_of_the_drawing_but_those_of_the_measures() -> None:
    drawing = asset("page.css").partition("/* The drawing */")[2].partition("/* The panel */")[0]
    names = re.findall(r"font-size: ([^;]+);", drawing)
    known = {f"var(--font-{name.replace('_', '-')})" for name in as_data()["fonts"]}
    assert names
    assert set(names) <= known

"""The line of code that made a Value, and the variable that its result was given to."""

import linecache
import textwrap
from pathlib import Path
from typing import Any

import pytest

import scalargrad as sg
from scalargrad import SourceLine, Value
from scalargrad.core.graph import topological
from scalargrad.core.source_lines import CodePlace


def run(source: str, file: str = "<stdin>", **names: Any) -> dict[str, Any]:
    """Run code inside `trace_calls`, and return its variables."""
    space: dict[str, Any] = {"sg": sg, "x": Value(2.0), "w": Value(3.0), **names}
    with sg.trace_calls():
        exec(compile(source, file, "exec"), space)
    return space


@pytest.fixture
def run_file(tmp_path: Path) -> Any:
    """Run code of a file."""

    def run_it(source: str, **names: Any) -> dict[str, Any]:
        path = tmp_path / "code.py"
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        linecache.clearcache()
        return run(textwrap.dedent(source), str(path), **names)

    return run_it


def test_a_line_of_a_file(run_file: Any, tmp_path: Path) -> None:
    space = run_file("""
        def product(x, w):
            y = x * w
            return y + 1
        z = product(x, w)
        """)
    z = space["z"]
    file = str(tmp_path / "code.py")
    assert z.made_at == SourceLine("product", file, 4, "return y + 1", "")
    assert z.args[0].made_at == SourceLine("product", file, 3, "y = x * w", "y")
    assert z.scope.called_at == SourceLine("<module>", file, 5, "z = product(x, w)", "z")
    assert str(z.made_at) == f"{file}:4: return y + 1"


GIVEN = {
    "an assignment": ("y = x * w", "y"),
    "several targets": ("y = z = x * w", "z"),
    "an annotated one": ("y: object = x * w", "y"),
    "an augmented one": ("y = x; y += w", "y"),
    "an attribute": ("sg_state.y = x * w; y = sg_state.y", "sg_state.y"),
    "an item": ("many = {}; many[0] = x * w; y = many[0]", ""),
    "parts of a tuple": ("y, z = x * w, x + w", "y"),
    "a list that is taken apart": ("[y, z] = [x * w, x + w]", "y"),
    "a list": ("z = [x * w]; y = z[0]", "z"),
    "a dict": ("z = {'a': x * w}; y = z['a']", "z"),
    "a comprehension": ("z = [i * w for i in [x]]; y = z[0]", "z"),
    "a comprehension in another": ("z = [[i * w for i in [x]]]; y = z[0][0]", "z"),
    "a dict comprehension": ("z = {i: i * w for i in [x]}; y = z[x]", "z"),
    "a condition": ("y = x * w if True else x", "y"),
    "a walrus": ("(y := x * w)", "y"),
    "an argument": ("y = (lambda z: z)(x * w)", ""),
    "a function of ours": ("y = sg.tanh(x)", "y"),
    "a sum": ("y = sum([x, w])", "y"),
    "a method": ("y = (x + w).tanh()", "y"),
    "over two lines": ("y = (x\n    * w)", "y"),
    "after letters of several bytes": ("'é'; y = x * w", "y"),
    "a loop": ("for y in [x * w]: pass", ""),
}


@pytest.mark.parametrize(("code", "variable"), GIVEN.values(), ids=list(GIVEN))
def test_the_variable_that_a_result_is_given_to(run_file: Any, code: str, variable: str) -> None:
    space = run_file(code, sg_state=type("State", (), {})())
    assert space["y"].made_at.variable == variable


def test_a_part_of_an_expression_is_given_to_no_variable(run_file: Any) -> None:
    y = run_file("y = (x * w + x * w).tanh()")["y"]
    named = [node.made_at.variable for node in topological([y]) if node.args]
    assert named == ["", "", "", "y"]


def test_operands_of_equal_text_on_one_line_are_told_apart(run_file: Any) -> None:
    space = run_file("y = x * w; z = x * w")
    assert [space[name].made_at.variable for name in "yz"] == ["y", "z"]


def test_what_a_result_inside_of_a_comprehension_is_made_from_is_on_its_line(run_file: Any) -> None:
    space = run_file("""
        y = [
            i
            * w
            for i in [x]
        ]
        """)
    line = space["y"][0].made_at
    assert (line.line, line.text, line.variable) == (3, "i", "y")


@pytest.mark.parametrize("file", ["<stdin>", "<string>", "no/such/file.py", ""])
def test_code_without_a_file_has_lines_without_text(file: str) -> None:
    space = run("def f(x):\n    y = x * 2\n    return y\nz = f(x)", file)
    z = space["z"]
    assert z.made_at == SourceLine("f", file, 2, "", "")
    assert str(z.made_at) == f"{file}:2"
    assert (z.scope.path, z.scope.called_at.line) == ("f", 4)


def in_notebook(source: str, file: str, text: str = "") -> dict[str, Any]:
    """Run a cell of a notebook, whose lines only linecache has, or another text in their place."""
    lines = (text or source).splitlines(keepends=True)
    linecache.cache[file] = (len(source), None, lines, file)
    try:
        space = run(source, file)
        space["line"] = space["y"].made_at
    finally:
        del linecache.cache[file]
    return space


def test_a_cell_of_a_notebook_has_its_text() -> None:
    line = in_notebook("z = 1\ny = x * w\n", "<ipython-input-1-a>")["line"]
    assert line == SourceLine("<module>", "<ipython-input-1-a>", 2, "y = x * w", "y")


@pytest.mark.parametrize("text", ["y = '\ud800'", "y = " + "-" * 9999 + "1", "y = " + "(" * 9999])
def test_a_cell_that_can_not_be_parsed_gives_no_name(text: str) -> None:
    line = in_notebook("y = x * w\n", "<cell>", text)["line"]
    assert line == SourceLine("<module>", "<cell>", 1, text, "")


def test_source_that_is_not_what_ran_gives_no_name(run_file: Any, tmp_path: Path) -> None:
    y = run_file("y = x * w")["y"]
    (tmp_path / "code.py").write_text("%matplotlib inline\n", encoding="utf-8")
    linecache.clearcache()
    assert y.made_at.variable == ""
    assert y.made_at.text == "%matplotlib inline"


@pytest.mark.parametrize("text", ["", "\0", "y = (", "(" * 1000, "# coding: no\ny = 1"])
def test_source_that_can_not_be_read_gives_no_name(
    run_file: Any, tmp_path: Path, text: str
) -> None:
    y = run_file("y = x * w")["y"]
    (tmp_path / "code.py").write_text(text, encoding="utf-8")
    linecache.clearcache()
    assert y.made_at.variable == ""


def test_code_without_positions_gives_no_name() -> None:
    code = compile("y = x * w", "<stdin>", "exec").replace(co_linetable=b"")
    assert CodePlace(code, 0).source_line == SourceLine("<module>", "<stdin>", 0, "", "")


def test_the_function_is_named_with_its_classes_but_not_with_those_around_it() -> None:
    class Model:
        def score(self, x: Value) -> list[Value]:
            return [x * 2 for _ in range(1)]

    with sg.trace_calls():
        (y,) = Model().score(Value(1.0))
    assert y.made_at is not None
    assert y.made_at.function == "Model.score" or y.made_at.function.endswith(".Model.score")


def test_the_body_of_a_class_is_no_call() -> None:
    with sg.trace_calls():

        class Model:
            w = Value(1.0) * 2

    assert Model.w.scope is None
    assert Model.w.made_at.text == "w = Value(1.0) * 2"

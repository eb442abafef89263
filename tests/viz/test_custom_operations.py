"""Own operations in pictures, formulas, explanations and on the page."""

import json
import math
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import scalargrad as sg
import viz
from scalargrad import Value
from scalargrad.core.ops import FLOATS, TABLE
from viz.explorer.rules_js import loop, rule
from viz.explorer.scripts import asset
from viz.gradients.formulas import formula


@pytest.fixture(autouse=True)
def bump() -> Any:
    @sg.operation(symbol="bump<", kinks=lambda m, x, width: (x,))
    def bump(m: Any, x: Any, width: Any = 1.0) -> Any:
        """A bell with a tail; derivatives -2x*o and x²*o above 0, else 0."""
        return m.where(x <= 0.0, 1.0, m.exp(-(x * x) * width))

    return bump


def test_pictures_have_its_symbol(bump: Any) -> None:
    y = bump(Value(0.5, label="x"))
    assert "bump&lt;" in viz.draw(y).svg()
    assert "bump&lt;" in viz.draw(sg.compile(lambda x: bump(x), inputs=[1])).svg()


def test_formulas_are_written_with_its_symbol(bump: Any) -> None:
    x = Value(0.5, label="x")
    assert str(formula(bump(x) * 2.0)) == "bump<(x, 1) · 2"


def test_a_reason_says_what_its_documentation_says_of_the_derivative(bump: Any) -> None:
    x = Value(-1.0, label="x")
    assert "-2x*o and x²*o above 0, else 0" in str(viz.explain(bump(x) * 3.0, x))


def of_options(m: Any, x: Any, a: Any = 1.0) -> Any:
    """Some functions of an option alone, and of a constant."""
    shape = m.where((a > 1.0) & (x > 0.0), x * m.exp(a), m.sqrt(a) * x)
    return shape + m.div(1.0, a) * m.tanh(0.5)


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on the PATH")
@pytest.mark.parametrize("name", ["bump", "of_options"])
def test_the_page_computes_what_the_rules_compute(name: str, tmp_path: Path) -> None:
    sg.operation(of_options)
    op = TABLE[name]
    points = [(0.5, 2.0), (-1.0, 0.5), (3.0, 1.0), (0.0, 1.0)]
    (tmp_path / "mathematics.mjs").write_text(asset("mathematics.js"))
    (tmp_path / "page.mjs").write_text(
        "import { exp, sqrt, tanh } from './mathematics.mjs';\n"
        f"const rule = {rule(op, 2)};\nconst loop = {loop(op, (None, 2.0))};\n"
        f"const points = {json.dumps(points)};\n"
        "const all = points.map(([x, w]) => {\n"
        "  const o = rule.value(x, w);\n"
        "  const X = [x], O = [0], G = [1], GX = [0];\n"
        "  loop.forward(1, O, X); loop.backward(1, O, X, G, GX);\n"
        "  return [o, ...rule.partials(o, x, w), O[0], GX[0]];\n"
        "});\n"
        "console.log(JSON.stringify(all));\n"
    )
    run = subprocess.run(
        ["node", str(tmp_path / "page.mjs")], capture_output=True, text=True, check=True
    )
    for point, found in zip(points, json.loads(run.stdout), strict=True):
        value, partials = op.at(FLOATS, point)
        o, (slope, _) = op.at(FLOATS, (point[0], 2.0))
        numbers = [0.0 if x is None else x for x in found]
        assert all(map(math.isclose, numbers, [value, *partials, o, slope])), point


def test_a_page_holds_its_rule(bump: Any) -> None:
    page = viz.explore(bump(Value(0.5, label="x"))).html
    assert '"bump":{value:' in page.replace(" ", "")

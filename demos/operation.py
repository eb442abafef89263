"""An operation of your own: defined, checked, drawn, and run at array speed.

Snake is x + sin²(a·x)/a, an activation for what repeats itself. As a composition it is six nodes;
as an operation it is one.
"""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import viz
from demos.gallery import BESIDE, Explorer, Picture, Story, decimals, explored, run_alone, say_all
from demos.listing import list_code
from scalargrad import Value, check_operation, compile, operation
from scalargrad.core.custom_operations import remove_operation
from scalargrad.nn import Neuron

Numbers = list[tuple[str, str]]


def define() -> Callable[..., Any]:
    """Add the operation. Its derivative is made from the function by the chain rule."""

    @operation(symbol="snake")
    def snake(m: Any, x: Any, a: Any = 1.0) -> Any:
        wave = m.sin(a * x)
        return x + m.div(wave * wave, a)

    return snake


def define_wrongly() -> Callable[..., Any]:
    """Add it once more, with derivatives by hand, in the first of which a sign is wrong."""

    @operation(
        derivative=[
            lambda m, _, x, a: 1.0 - m.sin(2.0 * a * x),
            lambda m, o, x, a: m.div(x * m.sin(2.0 * a * x) - (o - x), a),
        ],
    )
    def wrong_snake(m: Any, x: Any, a: Any = 1.0) -> Any:
        wave = m.sin(a * x)
        return x + m.div(wave * wave, a)

    return wrong_snake


def measure_compiled(snake: Callable[..., Any]) -> float:
    """Return the largest difference between a compiled neuron and the same one in eager code."""
    neuron = Neuron(2, activation=snake, seed=1)
    program = compile(neuron, neuron, inputs=[2])
    rng = Random(0)
    rows = [[rng.gauss(0.0, 1.0), rng.gauss(0.0, 1.0)] for _ in range(100)]
    outputs = program(rows).ravel()
    pairs = zip(rows, outputs, strict=True)
    return max(abs(neuron(row).data - float(output)) for row, output in pairs)


def draw(snake: Callable[..., Any], folder: Path) -> Explorer:
    """Draw a neuron with the operation, and save a page to explore it in."""
    x = Value(0.75, label="x")
    w = Value(2.0, label="w")
    b = Value(-0.5, label="b")
    a = Value(1.5, label="a")
    y = snake(w * x + b, a)
    y.label = "y"
    y.backward()
    title = "A neuron with an operation of its own"
    viz.draw(y, level="cards", title=title, width=BESIDE).save(folder / _GRAPH.file)
    return explored(y, folder / "operation-explore.html", "a neuron with an operation of its own")


def run(folder: Path, quick: bool = False) -> Story:  # noqa: ARG001
    """Define, check, draw and compile; quick and full are the same."""
    snake = define()
    wrong = define_wrongly()
    try:
        x = Value(0.75)
        y = snake(x)
        y.backward(create_graph=True)
        slope: Any = x.grad
        x.grad = 0.0
        slope.backward()
        first_problem = check_operation(wrong).problems[0]
        numbers: Numbers = [
            ("snake(0.75)", decimals(y.data)),
            ("its derivative", decimals(slope.data)),
            ("its second derivative", decimals(x.grad)),
            ("the check of the operation", str(check_operation(snake))),
            ("the check of a wrong derivative", first_problem),
            ("compiled, largest difference", f"{measure_compiled(snake):.1e}"),
        ]
        say_all(numbers)
        explorer = draw(snake, folder)
    finally:
        for made in (snake, wrong):
            remove_operation(made.__name__)
    return Story(
        "operation",
        "An operation of your own",
        _TEXT,
        tuple(numbers),
        (_GRAPH,),
        (explorer,),
        list_code(define, define_wrongly),
    )


_TEXT = (
    "An operation is one row of a table: a formula, and a formula for each derivative. A function "
    "that is written with the operations that exist becomes a row of its own. From then on it is "
    "one node: with derivatives of any order, in pictures, on pages that recompute it, and in "
    "compiled programs.",
    "Who writes the derivatives by hand, because they are shorter or keep more digits, may get "
    "one wrong. The check compares them with differences at many points, and says which one is "
    "wrong, and where.",
)
_GRAPH = Picture(
    "operation-graph.svg",
    "A neuron as cards: weight, input and bias at the left, then the operation snake with its "
    "option a, and its result y at the right, each with its gradient.",
    "The operation is one card, with the derivatives that were made for it at its two edges.",
)

if __name__ == "__main__":
    run_alone(run, "operation")

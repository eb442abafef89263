"""Graphs far larger than those of the tests: `python -m tests.campaigns.large`.

The tests show with tens of thousands of values that nothing recurses and that work grows in
proportion. Here the same is done with up to a million, and each line prints what it took.
"""

import copy
import math
import pickle
import time
from collections.abc import Callable

import viz
from scalargrad import Parameter, Value, grad
from scalargrad.nn import MLP

Step = Callable[[], object]


def chain(length: int, rate: float = 1.0) -> tuple[Value, Value]:
    """Return the leaf and the end of a chain of multiplications."""
    leaf = node = Value(2.0, label="x")
    for _ in range(length):
        node = node * rate
    return leaf, node


def batch(samples: int) -> Value:
    """Return the sum of what a network of 64 inputs says of some samples, after backward."""
    model = MLP(64, [40, 10], seed=0)
    outputs = [out for i in range(samples) for out in model([0.01 * (i + k) for k in range(64)])]
    total = outputs[0]
    for output in outputs[1:]:
        total = total + output
    total.backward()
    return total


def check_backward() -> None:
    """The gradient at the end of a million multiplications."""
    leaf, node = chain(1_000_000)
    node.backward()
    assert leaf.grad == 1.0


def check_second_derivative() -> None:
    """A gradient that is a graph, of a chain of 100,000."""

    def power(x: Value) -> Value:
        result = x
        for _ in range(100_000):
            result = result * 1.00001
        return result * result

    rate = 1.00001**100_000
    first = grad(power)(2.0)
    second = grad(grad(power))(2.0)
    assert math.isclose(first, 4.0 * rate**2, rel_tol=1e-9)
    assert math.isclose(second, 2.0 * rate**2, rel_tol=1e-9)


def check_copies() -> None:
    """A copy and a pickle of a chain of 200,000."""
    _, node = chain(200_000)
    for copied in (copy.deepcopy(node), pickle.loads(pickle.dumps(node))):
        copied.backward()
        leaf = copied
        while leaf.args:
            leaf = leaf.args[0]
        assert leaf.grad == 1.0


def check_drawn_chain() -> None:
    """The picture of a chain of 200,000 multiplications."""
    _, node = chain(200_000)
    drawing = viz.draw(node)
    assert drawing.picture.total == 400_001
    assert "400,001 values" in drawing.svg()


def check_drawn_modules() -> None:
    """The picture of 100,000 values of a network."""
    drawing = viz.draw(batch(16))
    assert drawing.picture.total > 75_000
    assert len(drawing.picture.nodes) <= 300
    assert drawing.svg()


def check_explanation() -> None:
    """Why a gradient is what it is, over 100,000 multiplications."""
    leaf, node = chain(100_000)
    node.backward()
    explanation = viz.explain(node, leaf)
    assert explanation.total == leaf.grad
    assert explanation.draw().svg()


def check_parameters() -> None:
    """A sum of 100,000 parameters, one by one."""
    parameters = [Parameter(1.0) for _ in range(100_000)]
    total = Value(0.0)
    for parameter in parameters:
        total = total + parameter
    total.backward()
    assert all(parameter.grad == 1.0 for parameter in parameters)


CHECKS: list[Step] = [
    check_backward,
    check_second_derivative,
    check_copies,
    check_drawn_chain,
    check_drawn_modules,
    check_explanation,
    check_parameters,
]


def main() -> None:
    """Run every check and print what it took."""
    for check in CHECKS:
        start = time.process_time()
        check()
        print(f"{time.process_time() - start:6.1f} s  {check.__doc__}")


if __name__ == "__main__":
    main()

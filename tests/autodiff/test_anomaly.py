"""detect_anomaly: what it names, leaves that keep their gradients; independent blocks."""

import gc
import inspect
import math
import threading
import weakref

import pytest

import scalargrad as sg
from scalargrad import GradientTape, Value, detect_anomaly
from scalargrad.errors import AnomalyError
from scalargrad.nn import MLP, Module


def here():
    """The place of the line that calls this."""
    frame = inspect.currentframe().f_back
    return f"{__file__}:{frame.f_lineno}"


def caught(function, *arguments):
    with pytest.raises(AnomalyError) as error:
        function(*arguments)
    return str(error.value)


def test_the_first_value_that_is_not_finite_is_named_with_its_line():
    x, place = Value(-1.0, label="x"), []

    def forward():
        with detect_anomaly():
            y = x + 0.5
            place.append(here()), sg.log(y)  # the line to be named
            sg.exp(x)

    line = "place.append(here()), sg.log(y)  # the line to be named"
    assert caught(forward) == f"log(-0.5) gave nan\n  at {place[0]}: {line}"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: sg.log(x), "log(x=0.0) gave -inf"),
        (lambda x: 1 / x, "div(1.0, x=0.0) gave inf"),
        (lambda x: sg.exp(x + 710.0), "exp(710.0) gave inf"),
        (lambda x: x * math.inf, "mul(x=0.0, inf) gave nan"),
        (lambda x: (x - 8.0) ** (1 / 3), "pow(-8.0, 0.3333333333333333) gave nan"),
        (
            lambda x: sg.sqrt(x),
            "the local derivative of sqrt(x=0.0) = 0.0 by its operand x=0.0 is inf",
        ),
        (
            lambda x: x**0.5,
            "the local derivative of pow(x=0.0, 0.5) = 0.0 by its operand x=0.0 is inf",
        ),
        (
            lambda x: sg.sum([x] * 8 + [math.inf]),
            "sum(x=0.0, x=0.0, x=0.0, x=0.0, x=0.0, x=0.0, … 3 more) gave inf",
        ),
        (lambda x: Value(math.nan, (x,), "mine", partials=(1.0,)), "mine(x=0.0) gave nan"),
        (
            lambda x: Value(1.0, (x,), "", label="y", partials=(math.inf,)),
            "y = a Value made by hand(x=0.0) = 1.0 by its operand x=0.0 is inf",
        ),
    ],
)
def test_operation_and_operands_are_named(call, words):
    x = Value(0.0, label="x")

    def forward():
        with detect_anomaly():
            call(x)

    message = caught(forward)
    assert words in message
    assert f"at {__file__}:" in message


def test_the_module_is_named_and_the_line_is_the_users():
    class Bad(Module):
        def forward(self, x):
            return sg.log(x - 1.0)

    class Outer(Module):
        def __init__(self):
            self.inner = Bad()

        def forward(self, x):
            return self.inner(x)

    message = caught(detect_anomaly()(Outer()), Value(1.0))
    assert "log(0.0) in inner gave -inf" in message
    assert "return sg.log(x - 1.0)" in message

    def forward():
        with detect_anomaly():
            MLP(2, [2, 1])([math.inf, 1.0])

    message = caught(forward)
    assert "in layers.0" in message
    assert "MLP(2, [2, 1])([math.inf, 1.0])" in message


def test_finite_computations_pass_and_remember_their_lines():
    x = Value(0.5)
    with detect_anomaly():
        y, place = sg.tanh(x * x), here()
        y.backward()
    for node in (y, y.args[0]):
        assert node.metadata["source"] == f"{place}: y, place = sg.tanh(x * x), here()"
    assert x.grad == pytest.approx(1 - math.tanh(0.25) ** 2)
    assert sg.tanh(x).metadata is None


def test_what_flows_to_constants_does_not_matter():
    x = Value(0.5)
    with detect_anomaly():
        y = 0.0**x  # its derivative by the constant 0 is inf
        y.backward()
    assert x.grad == 0.0


def test_branches_not_taken_do_not_matter():
    x = Value(0.0)
    y = sg.where(x > 0, sg.sqrt(x), 2 * x)
    with detect_anomaly():
        y.backward()
    assert x.grad == 2.0


def test_backward_names_the_first_gradient_and_who_sent_it():
    x = Value(0.0, label="x")
    with detect_anomaly():
        y, place = x * 3, here()
    y.label = "y"
    z = sg.sqrt(y)
    message = caught(backward_inside, z * 2)
    assert message.splitlines() == [
        "the gradient of y = mul(x=0.0, 3.0) is inf",
        f"  made at {place}: y, place = x * 3, here()",
        "  sent by sqrt(y=0.0): its gradient 2.0 times its local derivative inf",
        "  made at a line that was not recorded: it was made outside of detect_anomaly",
    ]


def backward_inside(loss):
    with detect_anomaly():
        loss.backward()


def test_backward_names_a_leaf():
    x = Value(0.0, label="x")
    message = caught(backward_inside, sg.sqrt(x))
    assert message.startswith(
        "the gradient of the input x=0.0 is inf\n"
        "  made at a line that was not recorded: leaves have none\n"
        "  sent by sqrt(x=0.0)"
    )


def test_backward_names_a_sum_that_overflows():
    x = Value(1.0, label="x")
    message = caught(backward_inside, x * 1e308 + x * 1e308)
    assert message.startswith("the gradient of the input x=1.0 is inf")
    assert "not the sum" in message


def test_leaves_keep_their_gradients():
    x, w = Value(0.0), Value(2.0)
    x.grad, w.grad = 0.25, 0.5
    loss = sg.sqrt(x) * w
    caught(backward_inside, loss)
    assert (x.grad, w.grad) == (0.25, 0.5)
    loss.backward()
    assert (x.grad, w.grad) == (math.inf, 0.5)


def test_gradients_as_graphs_are_watched_too():
    x = Value(0.0)
    x.grad = 0.25
    loss = sg.sqrt(x)

    def backward():
        with detect_anomaly():
            loss.backward(create_graph=True)

    assert "div(0.5, 0.0) gave inf" in caught(backward)
    assert x.grad == 0.25
    assert "gave nan" in caught(detect_anomaly()(sg.grad(sg.log)), -1.0)


def test_inside_no_grad_values_are_watched():
    x = Value(0.0, label="x")

    def forward(function):
        with detect_anomaly(), sg.no_grad():
            return function(x)

    assert "log(x=0.0) gave -inf" in caught(forward, sg.log)
    assert forward(sg.sqrt).data == 0.0  # no derivative is asked for


def test_nested_blocks():
    x = Value(0.0)
    with detect_anomaly():
        with detect_anomaly():
            x + 1
        caught(sg.log, x)
    assert sg.log(x).data == -math.inf


def test_the_block_ends_when_it_raises():
    caught(backward_inside, sg.sqrt(Value(0.0)))
    assert sg.log(Value(0.0)).data == -math.inf


def test_threads_do_not_disturb_each_other():
    inside, done, found = threading.Event(), threading.Event(), []

    def watching():
        with detect_anomaly():
            inside.set()
            done.wait(10)
            found.append(caught(sg.log, Value(0.0)))

    thread = threading.Thread(target=watching)
    thread.start()
    inside.wait(10)
    assert sg.log(Value(0.0)).data == -math.inf
    done.set()
    thread.join()
    assert found[0].startswith("log(0.0) gave -inf")


def test_with_a_tape():
    x = Value(0.0, label="x")
    with detect_anomaly(), GradientTape() as tape:
        y = x * 2
        caught(sg.log, y)
    assert tape.gradient(y, x).data == 2.0


def test_nodes_are_freed_without_the_garbage_collector():
    gc.collect()
    gc.disable()
    try:
        with detect_anomaly():
            y = sg.tanh(Value(0.5) * 2)
            y.backward()
        node = weakref.ref(y)
        del y
        assert node() is None
    finally:
        gc.enable()


def test_an_anomaly_is_an_arithmetic_error():
    with pytest.raises(ArithmeticError):
        backward_inside(sg.sqrt(Value(0.0)))


def test_a_gradient_that_is_not_finite_beside_an_operation_with_a_backward_by_hand() -> None:
    x = Value(0.0, label="x")
    with sg.detect_anomaly():
        out = Value(1.0, (x,), "mine")

        def _backward() -> None:
            x.grad += out.grad

        out._backward = _backward
        with pytest.raises(AnomalyError, match=r"the gradient of .*is inf"):
            (out * 2).backward(math.inf)

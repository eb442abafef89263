"""Programs as pickles: rows and numbers, without the function and the model."""

import json
import math
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest

import scalargrad as sg
import viz
from scalargrad import Value
from scalargrad.compiler import Compiled, compile
from scalargrad.core.leaves import RandomLeaf
from scalargrad.errors import CallError
from scalargrad.losses import mse
from scalargrad.nn import MLP
from tests.compiler.backends import on_every_backend
from tests.compiler.graphs import Weights

pytestmark = pytest.mark.usefixtures("default_backend")

X = numpy.random.default_rng(0).normal(size=(6, 2))


def local_program() -> tuple[Weights, Compiled]:
    """A program of a model whose class has no name that a pickle could look up."""

    class Local(Weights):
        pass

    model = Local([2.0, -1.0])
    model.activation = lambda x: sg.sqrt(x)
    weights = model.weights

    def function(x: Any) -> Any:
        return model.activation(x[0] * weights[0]) + sg.tanh(x[1] * weights[1])

    return model, compile(function, model, (2,))


def answers(program: Compiled) -> list[Any]:
    """What a program computes, of samples some of which are not finite."""
    loss, gradient = program.value_and_grad(X[:1] ** 2)
    jacobian = program.jacobian(X)[0].tolist()
    odd = program.odd_rows([X]).tolist()
    return [loss, gradient.tolist(), program(X).tolist(), jacobian, odd]


def test_a_program_of_a_local_class_with_lambdas_can_be_pickled() -> None:
    _, program = local_program()
    program.parameters[:] = 3.0, 0.5
    twin = pickle.loads(pickle.dumps(program))
    assert repr(answers(twin)) == repr(answers(program))
    assert math.isnan(program(X).sum())
    twin.parameters[:] = 0.0
    assert program.parameters.tolist() == [3.0, 0.5]


def test_a_pickle_names_no_class_of_the_user() -> None:
    _, program = local_program()
    assert b"Local" not in pickle.dumps(program)
    assert b"tests" not in pickle.dumps(program)


SCRIPT = """
import json, pickle, sys
import numpy
program = pickle.load(open(sys.argv[1], "rb"))
x = numpy.array(json.loads(sys.argv[2]))
loss, gradient = program.value_and_grad(x)
bits = [number.hex() for number in [loss, *gradient.tolist(), *program(x).ravel().tolist()]]
print(json.dumps([bits, [name for name in sys.modules if name.startswith("tests")]]))
"""


@on_every_backend
def test_another_process_computes_the_same_bits_without_the_module(tmp_path: Path) -> None:
    _, program = local_program()
    path = tmp_path / "program.pickle"
    path.write_bytes(pickle.dumps(program))
    x = X**2
    given = [str(path), json.dumps(x.tolist())]
    found = subprocess.run(
        [sys.executable, "-c", SCRIPT, *given], capture_output=True, text=True, check=True
    )
    loss, gradient = program.value_and_grad(x)
    numbers = [loss, *gradient.tolist(), *program(x).ravel().tolist()]
    assert json.loads(found.stdout) == [[number.hex() for number in numbers], []]


def test_a_program_from_a_pickle_keeps_the_names_and_not_the_model() -> None:
    model = MLP(2, [3, 1], activation="tanh", seed=1)
    program = compile(lambda x, y: mse(model(x), y), model, (2, 1))
    program.value_and_grad(X, X[:, :1])
    twin = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(program))))
    assert twin.model is None
    assert twin.parameter_names == tuple(name for name, _ in model.named_parameters())
    assert twin.gradients_by_name() == program.gradients_by_name()
    assert (str(twin), twin.explain(), repr(twin)) == (
        str(program),
        program.explain(),
        repr(program),
    )
    assert "layers.0" in str(viz.draw(twin))


@pytest.mark.parametrize("ask", ["read", "write_back", "load"])
def test_what_needs_the_model_says_what_to_do(ask: str) -> None:
    _, program = local_program()
    twin = pickle.loads(pickle.dumps(program))
    arguments = [[1.0, 2.0]] if ask == "load" else []
    with pytest.raises(CallError, match=rf"^{ask} needs the model.*load_state_dict"):
        getattr(twin, ask)(*arguments)


def test_the_remedy_sets_the_numbers_of_a_model() -> None:
    model = MLP(2, [3, 1], seed=1)
    program = compile(model, model, (2,))
    program.parameters[:] *= 2.0
    twin = pickle.loads(pickle.dumps(program))
    model.load_state_dict(dict(zip(twin.parameter_names, twin.parameters.tolist(), strict=True)))
    assert [parameter.data for parameter in model.parameters()] == program.parameters.tolist()


def test_a_value_that_is_read_keeps_the_number_of_the_pickle() -> None:
    class Local(Value):
        pass

    scale = Local(2.0)
    program = compile(lambda x: x * scale, inputs=(1,))
    scale.data = 5.0
    twin = pickle.loads(pickle.dumps(program))
    scale.data = 7.0
    assert twin([1.0]).tolist() == [[5.0]]
    assert program([1.0]).tolist() == [[7.0]]


def test_a_copy_of_a_program_from_a_pickle_is_one_as_well() -> None:
    _, program = local_program()
    twin = pickle.loads(pickle.dumps(program)).__copy__()
    assert twin.parameter_names == program.parameter_names
    assert repr(answers(twin)) == repr(answers(program))


def test_a_source_of_random_numbers_that_can_not_be_pickled_is_named() -> None:
    class Coin:
        def draw(self) -> float:
            return 1.0

    coin = Coin()
    program = compile(lambda x: x * RandomLeaf(coin), inputs=(1,))
    with pytest.raises(CallError, match=r"draws random numbers from can't.*Coin"):
        pickle.dumps(program)

"""Programs and models that part ways: whoever is used while the other has newer parameters warns.

Warnings are errors in all tests, so a call that must not warn is simply made.
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy
import pytest

from scalargrad import compile, fit, optim, scope
from scalargrad.checkpoint import model_arrays
from scalargrad.compiler import Compiled
from scalargrad.core import exchange
from scalargrad.errors import StaleWarning
from scalargrad.interop import to_onnx, to_torch
from scalargrad.losses import mse
from scalargrad.nn import MLP, Dropout, Sequential
from scalargrad.nn.functional import Objective
from scalargrad.training import Callback

X = numpy.array([[1.0, 2.0], [-1.0, 0.5]])
Y = numpy.array([[1.0], [0.0]])


def compiled() -> tuple[MLP, Compiled]:
    model = MLP(2, [3, 1], "tanh", seed=1)
    return model, compile(lambda x, y: mse(model(x), y), model, inputs=(2, 1))


def step_by_optimizer(model: MLP) -> None:
    mse(model([1.0, 2.0]), 1.0).backward()
    optim.Adam(model.parameters()).step()


def step_by_hand(model: MLP) -> None:
    for parameter in model.parameters():
        parameter.data -= 0.1


def load_other_numbers(model: MLP) -> None:
    model.load_state_dict(MLP(2, [3, 1], "tanh", seed=2).state_dict())


def write_another_program(model: MLP) -> None:
    other = compile(model, model, inputs=(2,))
    other.parameters[:] += 1.0
    other.write_back()


CHANGES = [step_by_optimizer, step_by_hand, load_other_numbers, write_another_program]

CALLS: dict[str, Callable[[Compiled], object]] = {
    "a call": lambda program: program(X, Y),
    "value_and_grad": lambda program: program.value_and_grad(X, Y),
    "jacobian": lambda program: program.jacobian(X, Y),
    "inputs_gradient": lambda program: program.inputs_gradient(X, Y),
    "odd_rows": lambda program: program.odd_rows([X, Y]),
    "load": lambda program: program.load(X[0], Y[0]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_program_warns_that_its_model_has_changed(change: Callable[[MLP], None]) -> None:
    model, program = compiled()
    program.value_and_grad(X, Y)
    change(model)
    with pytest.warns(StaleWarning, match=r"model have changed.*program\.read\(\)"):
        program.value_and_grad(X, Y)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_whatever_is_computed_with_old_parameters_warns(call: Callable[[Compiled], object]) -> None:
    model, program = compiled()
    call(program)
    step_by_hand(model)
    with pytest.warns(StaleWarning, match=r"program\.read\(\)"):
        call(program)


@pytest.mark.parametrize("exchange_numbers", [Compiled.read, Compiled.write_back])
def test_a_program_does_not_warn_once_the_parameters_are_exchanged(
    exchange_numbers: Callable[[Compiled], None],
) -> None:
    model, program = compiled()
    step_by_hand(model)
    exchange_numbers(program)
    program.value_and_grad(X, Y)
    model([1.0, 2.0])


def test_a_program_warns_once_and_again_after_the_next_exchange() -> None:
    model, program = compiled()
    step_by_hand(model)
    with pytest.warns(StaleWarning):
        program(X, Y)
    step_by_hand(model)
    program(X, Y)
    program.read()
    step_by_hand(model)
    with pytest.warns(StaleWarning):
        program(X, Y)


def test_parameters_that_come_to_the_same_are_no_difference() -> None:
    model, program = compiled()
    step_by_hand(model)
    program.parameters[:] = [parameter.data for parameter in model.parameters()]
    program(X, Y)
    model([1.0, 2.0])


def test_writing_to_another_model_is_no_difference() -> None:
    _, program = compiled()
    step_by_hand(MLP(2, [3, 1]))
    program(X, Y)


def test_numbers_that_were_varied_and_put_back_are_no_difference() -> None:
    model, program = compiled()
    objective = Objective(model, lambda model: model([1.0, 2.0]).data)
    objective([0.5] * len(objective.numbers))
    program(X, Y)


def test_a_parameter_that_is_not_a_number_is_equal_to_itself() -> None:
    model, program = compiled()
    model.parameters()[0].data = float("nan")
    program.read()
    # Another write, so that the numbers are compared.
    model.parameters()[1].data = model.parameters()[1].data
    program(X, Y)
    model([1.0, 2.0])


def call_in_a_scope(model: MLP) -> None:
    with scope("measure"):
        model([1.0, 2.0])


USES: dict[str, Callable[[MLP], object]] = {
    "a call": lambda model: model([1.0, 2.0]),
    "a call in a scope": call_in_a_scope,
    "batch": lambda model: model.batch([[1.0, 2.0]]),
    "predict": lambda model: model.predict(X),
    "state_dict": lambda model: model.state_dict(),
    "the arrays of a checkpoint": model_arrays,
    "compile": lambda model: compile(model, model, inputs=(2,)),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_model_warns_that_its_program_has_learned(use: Callable[[MLP], object]) -> None:
    model, program = compiled()
    use(model)
    program.parameters[:] -= 0.1
    with pytest.warns(StaleWarning, match=r"model has those from before.*program\.write_back\(\)"):
        use(model)


def test_a_model_of_pytorch_without_what_was_learned_warns() -> None:
    pytest.importorskip("torch")
    model, program = compiled()
    program.parameters[:] -= 0.1
    with pytest.warns(StaleWarning, match=r"program\.write_back\(\)"):
        to_torch(model)


def test_an_exported_program_warns_that_its_model_has_changed() -> None:
    pytest.importorskip("onnx")
    model, program = compiled()
    step_by_hand(model)
    with pytest.warns(StaleWarning, match=r"program\.read\(\)"):
        to_onnx(program)


@pytest.mark.parametrize("make_twin", [copy.copy, copy.deepcopy])
def test_copies_of_a_program_compute_without_a_warning(
    make_twin: Callable[[Compiled], Compiled],
) -> None:
    model, program = compiled()
    twin = make_twin(program)
    twin.parameters[:] -= 0.1
    model([1.0, 2.0])
    twin(X, Y)


def test_a_deep_copy_watches_its_own_model() -> None:
    model, program = compiled()
    twin = copy.deepcopy(program)
    step_by_hand(model)
    twin(X, Y)
    assert isinstance(twin.model, MLP)
    step_by_hand(twin.model)
    with pytest.warns(StaleWarning):
        twin(X, Y)


@pytest.mark.parametrize("options", [{}, {"validation": (X, Y[:, 0])}])
def test_fit_keeps_its_programs_and_the_model_in_step(options: dict[str, Any]) -> None:
    model = MLP(2, [3, 1], "tanh", seed=1)

    class UseModel(Callback):
        def on_epoch_end(self, training: Any) -> None:
            training.model([1.0, 2.0])

    quietly: dict[str, Any] = {"callbacks": [UseModel()], "progress": False}
    fit(model, X, Y[:, 0], loss="mse", epochs=3, compiled=True, **quietly, **options)
    model([1.0, 2.0])


def test_programs_that_are_gone_leave_nothing_behind() -> None:
    before = len(exchange._programs)
    model, program = compiled()
    assert len(exchange._programs) == before + 1
    program.parameters[:] -= 0.1
    del program
    model([1.0, 2.0])
    assert len(exchange._programs) == before


@pytest.mark.parametrize("mode", [True, False], ids=["training", "evaluation"])
def test_a_program_of_the_other_mode_warns_once(mode: bool) -> None:
    model = Sequential(MLP(2, [3, 2], "tanh", seed=1), Dropout(0.5, seed=2)).train(mode)
    program = compile(model, model, inputs=(2,))
    program(X)
    model.train(not mode)
    with pytest.warns(
        StaleWarning, match=f"recorded in {'training' if mode else 'evaluation'} mode"
    ):
        program(X)
    program(X)


def test_the_mode_of_a_model_without_dropout_does_not_matter() -> None:
    model, program = compiled()
    model.eval()
    program(X, Y)


def test_a_mode_that_is_restored_does_not_matter() -> None:
    model = Sequential(MLP(2, [3, 2], "tanh", seed=1), Dropout(0.5, seed=2))
    program = compile(model, model, inputs=(2,))
    model.predict(X)
    program(X)

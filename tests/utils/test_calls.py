"""Arguments that a function does not take: what is said, and that nothing else changes."""

import inspect
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scalargrad
import viz
from scalargrad import GradientTape, Parameter, Value, checkpoint, data, losses, nn
from scalargrad.doctor.thresholds import Limits
from scalargrad.errors import CallError
from scalargrad.nn import MLP
from scalargrad.optim import (
    SGD,
    Adam,
    AdamW,
    CosineDecay,
    ExponentialDecay,
    RMSprop,
    StepDecay,
    penalties,
)
from scalargrad.training import EarlyStopping, SaveCheckpoint
from scalargrad.utils.calls import explain_calls
from viz.plots import plot_history, plot_loss


def weights() -> list[Parameter]:
    return [Parameter(1.0)]


def fit(**options: Any) -> Any:
    return scalargrad.fit(
        MLP(1, [1]), [[0.0], [1.0]], [0.0, 1.0], loss="mse", progress=False, **options
    )


def animation() -> viz.Animation:
    product = Value(1.0) * Value(2.0)
    product.backward()
    return viz.animate(product)


MISSPELLED: dict[str, tuple[Callable[..., Any], str, str]] = {
    "Adam lr": (
        lambda **o: Adam(weights(), **o),
        "lr",
        "Adam has no argument 'lr'; did you mean 'learning_rate'?",
    ),
    "SGD learningrate": (
        lambda **o: SGD(weights(), **o),
        "learningrate",
        "did you mean 'learning_rate'?",
    ),
    "AdamW weightdecay": (
        lambda **o: AdamW(weights(), **o),
        "weightdecay",
        "did you mean 'weight_decay'?",
    ),
    "Adam beta1": (lambda **o: Adam(weights(), **o), "beta1", "did you mean 'betas'?"),
    "RMSprop epsilon": (lambda **o: RMSprop(weights(), **o), "epsilon", "did you mean 'eps'?"),
    "Adam maximize": (
        lambda **o: Adam(weights(), **o),
        "fused",
        "it takes parameters, learning_rate, betas, eps, weight_decay, amsgrad",
    ),
    "fit optimiser": (
        fit,
        "optimiser",
        "fit has no argument 'optimiser'; did you mean 'optimizer'?",
    ),
    "fit lr": (
        fit,
        "lr",
        "fit has no argument 'lr': the learning rate is the optimizer's: optimizer=Adam(",
    ),
    "fit learning_rate": (
        fit,
        "learning_rate",
        "fit has no argument 'learning_rate': the learning rate is the optimizer's",
    ),
    "fit epoch": (fit, "epoch", "did you mean 'epochs'?"),
    "fit nb_epoch": (fit, "nb_epoch", "did you mean 'epochs'?"),
    "fit batchsize": (fit, "batchsize", "did you mean 'batch_size'?"),
    "fit verbose": (fit, "verbose", "did you mean 'progress'?"),
    "fit validation_data": (fit, "validation_data", "did you mean 'validation'?"),
    "fit random_state": (fit, "random_state", "did you mean 'seed'?"),
    "fit jit": (fit, "jit", "did you mean 'compiled'?"),
    "StepDecay factor": (
        lambda **o: StepDecay(SGD(weights()), 3, **o),
        "factor",
        "StepDecay has no argument 'factor'; did you",
    ),
    "CosineDecay T_max": (
        lambda **o: CosineDecay(SGD(weights()), **o),
        "T_max",
        "did you mean 'length'?",
    ),
    "ExponentialDecay": (
        lambda **o: ExponentialDecay(optimizer=SGD(weights()), **o),
        "factor",
        "did you mean 'gamma'?",
    ),
    "EarlyStopping min_delta": (
        EarlyStopping,
        "least_gain",
        "EarlyStopping has no argument 'least_gain'; did you mean 'min_delta'?",
    ),
    "SaveCheckpoint": (lambda **o: SaveCheckpoint("a", **o), "period", "did you mean 'every'?"),
    "Value name": (
        lambda **o: Value(1.0, **o),
        "name",
        "Value has no argument 'name'; did you mean 'label'?",
    ),
    "Value lable": (lambda **o: Value(1.0, **o), "lable", "did you mean 'label'?"),
    "Parameter name": (
        lambda **o: Parameter(1.0, **o),
        "name",
        "Parameter has no argument 'name'; did you mean 'label'?",
    ),
    "Parameter requires_grad": (
        lambda **o: Parameter(1.0, **o),
        "requires_grad",
        "every Value takes part in gradients",
    ),
    "backward retain_graph": (
        Value(1.0).backward,
        "retain_graph",
        "backward has no argument 'retain_graph': graphs are kept until",
    ),
    "backward of several": (
        lambda **o: scalargrad.backward([Value(1.0)], **o),
        "retain_graph",
        "graphs are kept until",
    ),
    "backward grad_outputs": (
        lambda **o: scalargrad.backward([Value(1.0)], **o),
        "grad_tensors",
        "did you mean 'gradients'?",
    ),
    "mse": (
        lambda **o: losses.mse(1.0, 0.0, **o),
        "reduce",
        "mse has no argument 'reduce'; did you mean 'reduction'?",
    ),
    "cross_entropy": (
        lambda **o: losses.cross_entropy([1.0, 0.0], 0, **o),
        "smoothing",
        "did you mean 'label_smoothing'?",
    ),
    "l2 penalty": (
        lambda **o: penalties.l2(weights(), **o),
        "strenght",
        "did you mean 'strength'?",
    ),
    "grad argnum": (
        lambda **o: scalargrad.grad(lambda x: x, **o),
        "argnum",
        "grad has no argument 'argnum'; did you mean 'argnums'?",
    ),
    "gradcheck": (
        lambda **o: scalargrad.gradcheck(lambda x: x, [1.0], **o),
        "atol",
        "did you mean 'absolute'?",
    ),
    "compile": (
        lambda **o: scalargrad.compile(lambda x: x[0], **o),
        "backends",
        "did you mean 'backend'?",
    ),
    "diagnose": (
        lambda **o: scalargrad.diagnose(MLP(1, [1]), [[0.0]], [0.0], **o),
        "optimiser",
        "did you mean 'optimizer'?",
    ),
    "tape": (
        GradientTape,
        "persistant",
        "GradientTape has no argument 'persistant'; did you mean 'persistent'?",
    ),
    "moons": (data.moons, "n_samples", "moons has no argument 'n_samples'; did you mean 'n'?"),
    "moons noise": (lambda **o: data.moons(9, **o), "sigma", "did you mean 'noise'?"),
    "split": (lambda **o: data.split([[1.0]], [1.0], **o), "test_size", "did you mean 'test'?"),
    "batches": (
        lambda **o: data.batches([[1.0]], [1.0], **o),
        "batch_size",
        "did you mean 'size'?",
    ),
    "read_csv": (
        lambda **o: data.read_csv("a.csv", **o),
        "sep",
        "read_csv has no argument 'sep'; did you mean 'delimiter'?",
    ),
    "save": (lambda **o: checkpoint.save("a", {}, **o), "meta_data", "did you mean 'metadata'?"),
    "draw": (
        lambda **o: viz.draw(Value(1.0), **o),
        "levels",
        "draw has no argument 'levels'; did you mean 'level'?",
    ),
    "draw name": (lambda **o: viz.draw(Value(1.0), **o), "name", "did you mean 'title'?"),
    "draw style": (lambda **o: viz.draw(Value(1.0), **o), "color_scheme", "did you mean 'theme'?"),
    "explore": (
        lambda **o: viz.explore(Value(1.0), **o),
        "tittle",
        "explore has no argument 'tittle'; did you mean 'title'?",
    ),
    "animate": (
        lambda **o: viz.animate(Value(1.0), **o),
        "colours",
        "animate has no argument 'colours'; did you mean 'colors'?",
    ),
    "animate save": (
        lambda **o: animation().save("a.gif", **o),
        "fps",
        "save has no argument 'fps'; did you mean 'rate'?",
    ),
    "plot_loss": (
        lambda **o: plot_loss([1.0], **o),
        "axes",
        "plot_loss has no argument 'axes'; did you mean 'ax'?",
    ),
    "plot_history": (
        lambda **o: plot_history({}, **o),
        "name",
        "plot_history has no argument 'name'",
    ),
    "uniform": (
        lambda **o: nn.uniform(0.0, **o),
        "hihg",
        "uniform has no argument 'hihg'; did you mean 'high'?",
    ),
    "Limits": (
        lambda **o: Limits(**o),
        "vanish",
        "Limits has no argument 'vanish'; did you mean 'vanishing'?",
    ),
    "max": (
        lambda **o: scalargrad.max([1.0], **o),
        "axis",
        "max has no argument 'axis'; it takes items",
    ),
}


@pytest.mark.parametrize(("call", "word", "message"), MISSPELLED.values(), ids=MISSPELLED)
def test_a_misspelled_argument(call: Callable[..., Any], word: str, message: str) -> None:
    with pytest.raises(CallError) as caught:
        call(**{word: 1.0})
    assert message in str(caught.value)
    assert isinstance(caught.value, TypeError)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "too many": (
        lambda: scalargrad.max(1.0, 3),  # type: ignore[call-arg]
        "max takes 1 argument by position, but 2 were given: call it as max(items); "
        "write sg.max([x, y])",
    ),
    "one missing": (
        lambda: losses.mse(1.0),
        "mse needs 'target': call it as mse(prediction, target, …)",
    ),  # type: ignore[call-arg]
    "keyword missing": (
        lambda: scalargrad.fit(MLP(1, [1]), [], []),
        "fit needs 'loss': call it as fit(model, X, y, loss=…, …)",
    ),  # type: ignore[call-arg]
    "two missing": (
        lambda: CosineDecay(),
        "CosineDecay needs 'optimizer' and 'length': call it as",
    ),  # type: ignore[call-arg]
    "twice": (
        lambda: Adam(weights(), 0.1, learning_rate=0.1),
        "Adam was given 'learning_rate' twice, by position and by name",
    ),  # type: ignore[misc]
    "two words": (
        lambda: Adam(weights(), lr=0.1, beta1=0.9),
        "'learning_rate'?; Adam has no argument 'beta1'",
    ),  # type: ignore[call-arg]
}


@pytest.mark.parametrize(("call", "message"), WRONG.values(), ids=WRONG)
def test_other_wrong_calls(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(CallError) as caught:
        call()
    assert message in str(caught.value)


def test_an_error_of_the_function_itself_stays_what_it_is() -> None:
    @explain_calls
    def work(x: Any) -> Any:
        return x + "text"

    with pytest.raises(TypeError, match="unsupported operand") as caught:
        work(1)
    assert not isinstance(caught.value, CallError)


def test_an_error_from_a_wrong_call_inside_stays_what_it_is() -> None:
    def inner(x: int) -> int:
        return x

    @explain_calls
    def outer(x: int) -> int:
        return inner(x, y=2)  # type: ignore[call-arg]

    with pytest.raises(TypeError, match=r"inner\(\) got an unexpected") as caught:
        outer(1)
    assert not isinstance(caught.value, CallError)


class Mine(SGD):
    """A custom optimizer that calls the constructor of its base with a wrong argument."""

    def __init__(self, decay: float) -> None:
        super().__init__(weights(), decay=decay)  # type: ignore[call-arg]


class Renamed(SGD):
    pass


NAMED = {
    "of the class itself": (
        lambda: Mine(decya=0.1),
        "Mine has no argument 'decya'; did you mean 'decay'?",
    ),  # type: ignore[call-arg]
    "of its base": (lambda: Mine(0.1), "SGD has no argument 'decay'"),
    "inherited": (lambda: Renamed(weights(), lr=0.1), "Renamed has no argument 'lr'; did you mean"),  # type: ignore[call-arg]
}


@pytest.mark.parametrize(("make", "message"), NAMED.values(), ids=NAMED)
def test_a_message_names_the_class_whose_constructor_was_called(
    make: Callable[[], Any], message: str
) -> None:
    with pytest.raises(CallError) as caught:
        make()
    assert str(caught.value).startswith(message)


def test_signatures_and_names_stay_what_they_are() -> None:
    assert list(inspect.signature(scalargrad.fit).parameters)[:4] == ["model", "X", "y", "loss"]
    assert list(inspect.signature(Adam).parameters)[:2] == ["parameters", "learning_rate"]
    assert next(iter(inspect.signature(Value).parameters)) == "data"
    assert list(inspect.signature(scalargrad.max).parameters) == ["items"]
    assert scalargrad.fit.__name__ == "fit"
    assert scalargrad.fit.__doc__
    assert pickle.loads(pickle.dumps(scalargrad.fit)) is scalargrad.fit
    assert pickle.loads(pickle.dumps(losses.mse)) is losses.mse


def test_the_source_is_that_of_the_function() -> None:
    assert "def fit(" in inspect.getsource(scalargrad.fit)


def test_a_right_call_is_passed_on() -> None:
    assert losses.mse(3.0, 1.0, reduction="sum") == 4.0
    assert Adam(weights(), learning_rate=0.5).learning_rate == 0.5
    assert np.shape(data.moons(n=4)[0]) == (4, 2)


def test_no_file_is_touched_by_a_wrong_call(tmp_path: Path) -> None:
    with pytest.raises(CallError):
        checkpoint.save(tmp_path / "a", {}, overwrite=True)  # type: ignore[call-arg]
    assert list(tmp_path.iterdir()) == []


def test_a_constructor_called_by_that_of_a_derived_class_is_named_by_its_own_class() -> None:
    class Base:
        @explain_calls
        def __init__(self, size: int) -> None:
            self.size = size

    class Derived(Base):
        def __init__(self) -> None:
            super().__init__()  # type: ignore[call-arg]

    with pytest.raises(CallError, match=r"^Base needs 'size': call it as Base\(size\)$"):
        Derived()

"""Did you mean: every name that a user can misspell leads to the one that was meant."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad
import viz
from scalargrad import GradientTape, Value, data, losses, nn
from scalargrad.doctor.diagnosis import Diagnosis
from scalargrad.errors import OptionError, ScalargradError, UnknownNameError
from scalargrad.losses import LOSSES, get_loss
from scalargrad.nn import ACTIVATIONS, INITIALIZERS, MLP
from scalargrad.optim import OPTIMIZERS
from scalargrad.training.history import History
from scalargrad.training.metrics import METRICS, read_metrics
from scalargrad.utils.spelling import nearest, suggestion

NAMES = {
    "losses": list(LOSSES),
    "metrics": list(METRICS),
    "optimizers": list(OPTIMIZERS),
    "activations": list(ACTIVATIONS),
    "initializers": list(INITIALIZERS),
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_other_cases_and_signs_lead_to_each_name(names: list[str]) -> None:
    for name in names:
        for spelled in (
            name.upper(),
            name.title(),
            name.replace("_", " "),
            name.replace("_", "-"),
            name.replace("_", ""),
        ):
            assert nearest(spelled, names) == name


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_one_letter_too_many_leads_to_each_long_name(names: list[str]) -> None:
    for name in (name for name in names if len(name) > 5):
        assert nearest(name[:3] + name[2:], names) == name


SYNONYMS = [
    ("MSE", "losses", "mse"),
    ("mean_squared_error", "losses", "mse"),
    ("MeanSquaredError", "losses", "mse"),
    ("msee", "losses", "mse"),
    ("mae", "losses", "absolute_error"),
    ("CrossEntropyLoss", "losses", "cross_entropy"),
    ("categorical_crossentropy", "losses", "cross_entropy"),
    ("nll", "losses", "cross_entropy"),
    ("ce", "losses", "cross_entropy"),
    ("bce", "losses", "binary_cross_entropy"),
    ("BCEWithLogitsLoss", "losses", "binary_cross_entropy_with_logits"),
    ("smooth_l1", "losses", "huber"),
    ("acc", "metrics", "accuracy"),
    ("mse", "metrics", "squared_error"),
    ("mae", "metrics", "mean_absolute_error"),
    ("Adam", "optimizers", "adam"),
    ("addam", "optimizers", "adam"),
    ("gd", "optimizers", "sgd"),
    ("swish", "activations", "silu"),
    ("logistic", "activations", "sigmoid"),
    ("LeakyReLU", "activations", "leaky_relu"),
    ("arctan", "activations", "atan"),
    ("kaiming", "initializers", "he"),
    ("Kaiming_Uniform", "initializers", "he"),
    ("gaussian", "initializers", "normal"),
]


@pytest.mark.parametrize(("choice", "kind", "meant"), SYNONYMS)
def test_words_of_the_field(choice: str, kind: str, meant: str) -> None:
    assert nearest(choice, NAMES[kind]) == meant


def test_a_name_that_exists_comes_before_its_synonyms() -> None:
    assert nearest("glorot", ["xavier", "glorot"]) == "glorot"


def test_who_has_synonyms_of_their_own_gets_none_of_the_field() -> None:
    assert nearest("mae", ["l1"]) == "l1"
    assert nearest("mae", ["l1"], {}) is None
    assert nearest("mae", ["l1", "l2"], {"mae": ["l2"]}) == "l2"


def test_a_cutoff_of_one_leaves_equal_names_only() -> None:
    assert nearest("addam", ["adam"]) == "adam"
    assert nearest("addam", ["adam"], cutoff=1.0) is None
    assert nearest("ADAM", ["adam"], cutoff=1.0) == "adam"


@given(st.text())
def test_any_text_is_answered(choice: str) -> None:
    assert suggestion(choice, ["adam", "sgd"]) in (
        "; did you mean 'adam'?",
        "; did you mean 'sgd'?",
        "; choose from adam, sgd",
    )


@pytest.mark.parametrize("choice", [None, 3, [], "", " ", b"adam"])
def test_what_is_no_name_is_answered_with_all(choice: object) -> None:
    assert suggestion(choice, ["adam", "sgd"]) == "; choose from adam, sgd"


def fit(**options: Any) -> Any:
    given: dict[str, Any] = {"loss": "mse", "epochs": 1, "progress": False}
    return scalargrad.fit(MLP(1, [1]), [[0.0], [1.0]], [0.0, 1.0], **given | options)


def neuron() -> Value:
    model = MLP(2, [2, 1])
    return model([1.0, 2.0])  # type: ignore[no-any-return]


def diagnosis() -> Diagnosis:
    return scalargrad.diagnose(MLP(1, [1]), [[0.0], [1.0]], [0.0, 1.0], loss="mse")


def history() -> History:
    made = History()
    made.add({"loss": 1.0, "accuracy": 0.5})
    return made


PLACES: dict[str, tuple[Callable[[], Any], str]] = {
    "loss of fit": (lambda: fit(loss="MSE"), "mse"),
    "optimizer of fit": (lambda: fit(optimizer="Adam"), "adam"),
    "metrics of fit": (lambda: fit(metrics="acc"), "accuracy"),
    "metrics in a list": (lambda: read_metrics(["acc"]), "accuracy"),
    "a loss by name": (lambda: get_loss("cross-entropy"), "cross_entropy"),
    "loss of diagnose": (
        lambda: scalargrad.diagnose(MLP(1, [1]), [[0.0], [1.0]], [0.0, 1.0], loss="MSE"),
        "mse",
    ),
    "reduction": (lambda: losses.mse([Value(1.0)], [0.0], reduction="average"), "mean"),
    "activation": (lambda: nn.Layer(1, 1, "ReLU"), "relu"),
    "initializer": (lambda: nn.Layer(1, 1, initializer="Xavier"), "xavier"),
    "backend": (
        lambda: scalargrad.compile(lambda x: x[0], None, inputs=(1,), backend="numpi"),
        "numpy",
    ),
    "unconnected_gradients": (
        lambda: GradientTape().gradient(Value(1.0), [], unconnected_gradients="Zero"),
        "zero",
    ),
    "direction": (lambda: data.flip(np.zeros((1, 4)), 2, 2, "Horizontal"), "horizontal"),
    "level": (lambda: viz.draw(neuron(), level="card"), "cards"),
    "level of animate": (lambda: viz.animate(neuron(), level="neuron"), "neurons"),
    "theme": (lambda: viz.draw(neuron(), theme="darc"), "dark"),
    "theme of svg": (lambda: viz.draw(neuron()).svg("drak"), "dark"),
    "theme of explore": (lambda: viz.explore(neuron(), theme="white"), "light"),
    "expand": (lambda: viz.draw(neuron(), level="cards", expand="layers[0]"), "layers.0"),
    "style": (lambda: viz.draw_dot(neuron(), style="card"), "cards"),
    "rankdir": (lambda: viz.draw_dot(neuron(), rankdir="lr"), "LR"),
    "format": (lambda: viz.draw_dot(neuron(), format="SVG"), "svg"),
    "by": (lambda: viz.compare(neuron(), neuron(), by="labels"), "label"),
    "colors": (lambda: viz.animate(neuron(), colors="gradients"), "gradient"),
    "a name in compare": (
        lambda: viz.compare(Value(1.0, label="weight"), {"wieght": 1.0}),
        "weight",
    ),
    "finding": (lambda: diagnosis().of("Vanishing gradients"), "vanishing"),
    "history": (lambda: history()["acc"], "accuracy"),
}


@pytest.mark.parametrize(("call", "meant"), PLACES.values(), ids=PLACES)
def test_every_place_makes_the_suggestion(call: Callable[[], Any], meant: str) -> None:
    with pytest.raises(ScalargradError, match=f"did you mean '{meant}'\\?") as caught:
        call()
    assert isinstance(caught.value, OptionError | UnknownNameError)


@pytest.mark.parametrize("name", ["a.svgg", "a.SVH", "a.pmg"])
def test_endings(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        OptionError, match=r"the extension must be one of .*; did you mean '\.(svg|png)'\?"
    ):
        viz.draw(neuron()).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_the_history_lists_what_it_has() -> None:
    with pytest.raises(
        UnknownNameError, match=r"the history has no 'xyz'; choose from loss, accuracy$"
    ):
        history()["xyz"]
    assert history().get("xyz") is None
    assert "xyz" not in history()


def test_no_other_module_looks_for_near_names() -> None:
    root = Path(scalargrad.__file__).parent.parent
    found = [
        path.name
        for package in ("scalargrad", "viz", "demos")
        for path in (root / package).rglob("*.py")
        if "difflib" in path.read_text("utf-8")
    ]
    assert found == ["spelling.py"]


def test_what_to_say_where_no_name_is_near_can_be_given() -> None:
    assert suggestion("xyz", ["relu", "tanh"], otherwise="") == ""

"""What a page that trains is given: the graph of a sample, the samples, and what it refuses."""

import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy
import pytest

import scalargrad as sg
import viz
from scalargrad import Value, data, nn, optim
from scalargrad.core.graph import topological
from scalargrad.core.ops import TABLE
from scalargrad.errors import LengthError, OptionError, PictureError
from scalargrad.losses import cross_entropy
from tests.viz.explorer.contents import graph_in, inflate
from viz.explorer.packing import PackedFrames, unpack
from viz.explorer.rules_js import loop
from viz.explorer.training_data import MAX_SAMPLES, TrainingData, read_training

X = numpy.array([[0.1, -0.2], [1.0 / 3.0, 2.5], [-1e-300, 0.7]])
Y = [1.0, -1.0, 0.1]


def read(model: nn.Module, x: Any = X, y: Any = Y, **options: Any) -> TrainingData:
    given = {"loss": "mse", "optimizer": "sgd", "batch_size": 2, "seed": 0} | options
    return read_training(model, (x, y), **given)


def test_the_samples_are_packed_to_the_last_bit() -> None:
    columns = unpack(read(nn.MLP(2, [3, 1], seed=0)).samples)
    assert columns[:2].T.tobytes() == X.tobytes()
    assert columns[2].tolist() == Y


def test_the_page_carries_the_samples_and_the_leaves_of_the_first_one() -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    html = viz.explore(model, data=(X, Y), train=True).html
    graph = graph_in(html)
    texts = dict(re.findall(r'octet-stream" id="(\w+)">(.*?)</script>', html))
    training = graph["training"]
    samples = unpack(PackedFrames(texts["samples"], 3, training["samples"], 8))
    assert samples[:2].T.tolist() == X.tolist()

    leaves = [i for i, args in enumerate(graph["args"]) if not args]
    numbers = unpack(PackedFrames(texts["numbers"], graph["rows"], 1, graph["bytes"]))[:, 0]
    start = dict(zip(leaves, numbers.tolist(), strict=False))
    assert [start[i] for i in training["inputs"]] == X[0].tolist()
    assert [start[i] for i in training["targets"]] == Y[:1]
    expected = sorted(parameter.data for parameter in model.parameters())
    assert sorted(start[i] for i in training["parameters"]) == expected


def test_inputs_target_and_output_are_marked() -> None:
    training = read(nn.MLP(2, [3, 1], seed=0))
    order = training.snapshot.order
    marked = [*training.description["inputs"], *training.description["targets"]]
    assert [order[i].label for i in marked] == ["x1", "x2", "y"]
    (output,) = training.description["outputs"]
    assert order[output].data == nn.MLP(2, [3, 1], seed=0)(X[0].tolist()).data
    assert training.snapshot.roots[0].label == "loss"


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("mse", {"name": "mse", "code": '"mse"'}),
        (cross_entropy, {"name": "cross_entropy", "code": '"cross_entropy"'}),
        (partial(cross_entropy, label_smoothing=0.1), {"name": "cross_entropy", "code": "loss"}),
        (lambda p, t: (p - t) ** 2, {"name": "loss", "code": "loss"}),
    ],
)
def test_a_loss_is_described_as_code_refers_to_it(loss: Any, expected: dict[str, str]) -> None:
    outputs = 2 if expected["name"] == "cross_entropy" else 1
    targets = [0, 1, 1] if outputs == 2 else Y
    training = read(nn.MLP(2, [outputs], seed=0), y=targets, loss=loss)
    assert training.description["loss"] == expected


def test_a_model_is_described_by_one_line() -> None:
    class Hostile(nn.MLP):
        def __repr__(self) -> str:
            return "a\rimport os\nb"

    class Silent(nn.MLP):
        def __repr__(self) -> str:
            raise RuntimeError

    described = [
        read(make(2, [3, 1], seed=0)).description["model"] for make in (nn.MLP, Hostile, Silent)
    ]
    assert described == ["MLP(2 → 3 → 1)", "a import os", "Silent"]


def test_inputs_are_named_as_the_columns_of_a_frame() -> None:
    class Frame:
        columns = ("age", "size")

        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return X

    training = read(nn.MLP(2, [3, 1], seed=0), Frame())
    labels = [training.snapshot.order[i].label for i in training.description["inputs"]]
    assert labels == ["age", "size"]


def test_an_input_that_the_loss_does_not_depend_on_has_no_place() -> None:
    class FirstOnly(nn.Module):
        def __init__(self) -> None:
            self.weight = sg.Parameter(0.5)

        def forward(self, x: Any) -> Value:
            return self.weight * x[0]

    first, second = read(FirstOnly()).description["inputs"]
    assert first >= 0
    assert second == -1


def test_the_model_stays_as_it_is() -> None:
    model = nn.MLP(2, [3, 1], seed=0).eval()
    before = [(parameter.data, parameter.grad) for parameter in model.parameters()]
    read(model)
    assert [(parameter.data, parameter.grad) for parameter in model.parameters()] == before
    assert not model.training


def test_a_class_becomes_a_row_of_shares() -> None:
    training = read(nn.MLP(2, [4, 3], seed=0), y=[2, 0, 1], loss="cross_entropy")
    assert len(training.description["targets"]) == 3
    assert unpack(training.samples)[2:].T.tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    loss = partial(cross_entropy, ignore_index=2)
    with pytest.raises(OptionError, match="ignore_index"):
        read(nn.MLP(2, [4, 3], seed=0), y=[2, 0, 1], loss=loss)


def test_frozen_parameters_are_not_trained() -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    model.layers[0].freeze()
    training = read(model)
    free = [parameter for parameter in model.parameters() if parameter.trainable]
    assert 0 < len(free) < len(model.parameters())
    positions = {training.snapshot.index[parameter] for parameter in free}
    assert set(training.description["parameters"]) == positions


def test_every_operation_is_written_once() -> None:
    training = read(nn.MLP(2, [8, 8, 1], activation="tanh", seed=0))
    assert len(training.loops) == len({node.op for node in training.snapshot.order if node.args})


@pytest.mark.parametrize("name", TABLE)
def test_every_operation_can_be_written(name: str) -> None:
    op = TABLE[name]
    pattern: tuple[float | None, ...] = (None,) * 4
    if not op.over_list:
        pattern = tuple(0.5 if operand in op.static_args else None for operand in op.operands)
        assert "X0" in loop(op, (None,) * len(pattern))
    assert "O[k] = " in loop(op, pattern)


# Refusals


class Branches(nn.Module):
    """A model that asks for the number of its input."""

    def __init__(self) -> None:
        self.weight = sg.Parameter(0.5)

    def forward(self, x: Any) -> Value:
        return self.weight * (x[0] if x[1] > 0.0 else x[1])


class Moves(Branches):
    """A model with another number in every call."""

    def forward(self, x: Any) -> Value:
        return self.weight * x[0] + next(CHANCE)


class Looks(Branches):
    """A model that takes its input for an index."""

    def forward(self, x: Any) -> Value:
        return self.weight * (1.0, 2.0)[x[0] if isinstance(x[0], Value) else 0]


CHANCE = iter(range(1000))


def hooked() -> nn.Module:
    model = nn.MLP(2, [2, 1], seed=0)
    model.parameters()[0].register_hook(lambda gradient: 2.0 * gradient)
    return model


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Branches, "same for every sample: a comparison .* where"),
        (Moves, "has the number .* or on chance"),
        (lambda: nn.Sequential(nn.Dropout(0.5), nn.MLP(2, [1])), "Dropout"),
        (lambda: nn.Sequential(nn.BatchNorm(2), nn.MLP(2, [1])), "BatchNorm"),
        (lambda: nn.MLP(2, [60, 20, 1]), "at most 3,000"),
        (hooked, "hook"),
        (lambda: nn.MLP(2, [1], seed=0).freeze(), "nothing to train"),
        (Looks, "must be Values.*DataError"),
    ],
)
def test_a_model_that_is_not_one_graph_is_refused(
    make: Callable[[], nn.Module], message: str
) -> None:
    with pytest.raises(PictureError, match=f"(?s){message}"):
        read(make())


def test_arguments_that_do_not_fit_together_are_refused() -> None:
    model = nn.MLP(2, [1], seed=0)
    with pytest.raises(OptionError, match=r"data=\(X, y\)"):
        viz.explore(model, train=True)
    with pytest.raises(OptionError, match="trains a Module, not a Value"):
        viz.explore(Value(1.0) * 2.0, data=(X, Y), train=True)
    with pytest.raises(OptionError, match="train=True"):
        viz.explore(model, data=(X, Y))
    with pytest.raises(OptionError, match=r"must be \(X, y\)"):
        viz.explore(model, data=X, train=True)
    with pytest.raises(OptionError, match="batch_size"):
        viz.explore(model, data=(X, Y), train=True, batch_size=0)


def test_too_many_samples_are_refused() -> None:
    many = numpy.zeros((MAX_SAMPLES + 1, 2))
    with pytest.raises(OptionError, match="501 samples"):
        read(nn.MLP(2, [1], seed=0), many, many[:, 0])


def test_samples_of_different_lengths_are_refused() -> None:
    class Total(Branches):
        def forward(self, x: Any) -> Value:
            return self.weight * sum(x)

    with pytest.raises(LengthError, match="explore needs samples of one shape"):
        read(Total(), [[1.0], [1.0, 2.0]], [1.0, 2.0])


def test_only_new_optimizers_of_the_library_are_taken() -> None:
    class Halves(optim.Optimizer):
        def __init__(self, parameters: Any) -> None:
            super().__init__(parameters, learning_rate=0.1)

        def _rule(self, data: Any, gradient: Any) -> Any:  # noqa: ARG002
            return data / 2.0

    model = nn.MLP(2, [1], seed=0)
    with pytest.raises(OptionError, match="rule of Halves"):
        read(model, optimizer=Halves(model.parameters()))
    used = optim.SGD(model.parameters())
    used.step()
    with pytest.raises(OptionError, match="has made 1 step already"):
        read(model, optimizer=used)


BORDERS = {
    "signs": ("mse", [1.0, -1.0, 1.0], 0.0),
    "zeros and ones": ("mse", [1.0, 0.0, 1.0], 0.5),
    "logits": ("binary_cross_entropy_with_logits", [1.0, 0.0, 1.0], 0.0),
    "a loss that is not defined everywhere": (
        lambda prediction, target: sg.log(prediction + 9.0) * 0.0 - target * prediction,
        [10.0, -30.0, -30.0],
        0.0,
    ),
    "numbers around 0": ("mse", [-1.0, 0.5, 3.0], 0.0),
    "positive numbers": ("mse", [1.0, 2.0, 4.0], 2.5),
}


@pytest.mark.parametrize("name", BORDERS)
def test_a_border_is_between_low_and_high_outputs(name: str) -> None:
    loss, targets, border = BORDERS[name]
    assert read(nn.MLP(2, [1], seed=0), y=targets, loss=loss).description["border"] == border


def test_several_outputs_have_no_border() -> None:
    targets = [[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]
    assert read(nn.MLP(2, [2], seed=0), y=targets).description["border"] is None


# The page


def test_a_page_of_a_usual_network_is_small() -> None:
    points, classes = data.moons(100, noise=0.1, seed=1)
    model = nn.MLP(2, [16, 16, 1], activation="tanh", seed=0)
    page = viz.explore(model, data=(points, 2.0 * classes - 1.0), train=True)
    assert len(topological([model([0.0, 0.0])])) > 900
    assert len(page.html) <= 210_000


def test_pages_that_do_not_train_carry_no_trainer() -> None:
    model = nn.MLP(2, [1], seed=0)
    still = viz.explore(model).html
    training = inflate(viz.explore(model, data=(X, Y), train=True).html, "program")
    for name in ("createTrainer", "createOptimizer", "permutation", "createLines"):
        assert f"function {name}(" not in still
        assert f"function {name}(" in training


def test_drawing_loads_neither_compiler_nor_training() -> None:
    code = (
        "import sys, viz; from scalargrad import Value; viz.explore(Value(1.0) * 2.0)\n"
        "print([name for name in sys.modules if name in ('scalargrad.compiler', "
        "'scalargrad.training')])"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"

"""Losses: values against mpmath, gradients against differences, both against PyTorch."""

import math
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp

import scalargrad as sg
from scalargrad import Value, losses
from scalargrad.core.graph import topological
from scalargrad.errors import DataError, LengthError, OptionError, ScalargradError

Formula = Callable[[Any, Any], Any]

mp.dps = 50


def softplus(x: Any) -> Any:
    return mp.log(1 + mp.exp(x))


def huber(bound: float) -> Formula:
    return lambda p, t: (
        (p - t) ** 2 / 2 if abs(p - t) <= bound else bound * (abs(p - t) - mp.mpf(bound) / 2)
    )


FORMULAS: dict[str, tuple[Callable[..., Any], Formula, str]] = {
    "l1": (losses.absolute_error, lambda p, t: abs(p - t), "real"),
    "l2": (losses.half_squared_error, lambda p, t: (p - t) ** 2 / 2, "real"),
    "mse": (losses.mse, lambda p, t: (p - t) ** 2, "real"),
    "huber": (losses.huber, huber(1.0), "real"),
    "huber 0.3": (lambda p, t, **more: losses.huber(p, t, delta=0.3, **more), huber(0.3), "real"),
    "hinge": (losses.hinge, lambda p, t: max(0, 1 - t * p), "sign"),
    "bce": (
        losses.binary_cross_entropy,
        lambda p, t: -t * mp.log(p) - (1 - t) * mp.log(1 - p),
        "probability",
    ),
    "bce, one or zero": (
        losses.binary_cross_entropy,
        lambda p, t: -mp.log(p if t else 1 - p),
        "probability, bit",
    ),
    "bce logits": (
        losses.binary_cross_entropy_with_logits,
        lambda p, t: t * softplus(-p) + (1 - t) * softplus(p),
        "logit",
    ),
    "bce logits, one or zero": (
        losses.binary_cross_entropy_with_logits,
        lambda p, t: softplus(-p if t else p),
        "logit, bit",
    ),
}
every_formula = pytest.mark.parametrize(
    ("loss", "formula", "kind"), FORMULAS.values(), ids=FORMULAS
)


def draw(kind: str, rng: Random) -> tuple[float, float]:
    """A prediction and a target that the loss is made for."""
    if kind.startswith("probability"):
        return rng.uniform(0.01, 0.99), float(rng.randrange(2)) if "bit" in kind else rng.random()
    if kind.startswith("logit"):
        return rng.uniform(-30, 30), float(rng.randrange(2)) if "bit" in kind else rng.random()
    return rng.gauss(0, 2), rng.choice([-1.0, 1.0]) if kind == "sign" else rng.gauss(0, 2)


def samples(kind: str, count: int, seed: int = 1) -> tuple[list[float], list[float]]:
    rng = Random(seed)
    predictions, targets = zip(*(draw(kind, rng) for _ in range(count)), strict=True)
    return list(predictions), list(targets)


def exactly(formula: Formula, predictions: list[float], targets: list[float]) -> list[Any]:
    return [formula(mp.mpf(p), mp.mpf(t)) for p, t in zip(predictions, targets, strict=True)]


# Against mpmath


@every_formula
@pytest.mark.parametrize("count", [1, 2, 7])
def test_values(loss: Any, formula: Formula, kind: str, count: int) -> None:
    predictions, targets = samples(kind, count)
    total = float(mp.fsum(exactly(formula, predictions, targets)))
    assert loss(predictions, targets, reduction="sum") == pytest.approx(total, rel=1e-12, abs=1e-15)
    assert loss(predictions, targets, reduction="mean") == pytest.approx(
        total / count, rel=1e-12, abs=1e-15
    )
    assert loss(predictions, targets) == loss(predictions, targets, reduction="mean")
    assert loss([Value(p) for p in predictions], targets).data == loss(predictions, targets)


@every_formula
def test_one_number_and_a_list_of_one(loss: Any, formula: Formula, kind: str) -> None:
    (p,), (t,) = samples(kind, 1, seed=5)
    assert (
        loss(p, t)
        == loss([p], [t])
        == loss(p, t, reduction="sum")
        == pytest.approx(float(formula(mp.mpf(p), mp.mpf(t))), rel=1e-12)
    )
    assert type(loss(p, t)) is float
    assert type(loss(Value(p), t)) is Value


def cross_entropy_exactly(logits: list[float], shares: list[Any]) -> Any:
    total = mp.log(mp.fsum(mp.exp(mp.mpf(x)) for x in logits))
    return mp.fsum(share * (total - mp.mpf(x)) for share, x in zip(shares, logits, strict=True))


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_cross_entropy_values(size: int, smoothing: float) -> None:
    rng = Random(size)
    logits = [rng.gauss(0, 3) for _ in range(size)]
    for k in range(size):
        one_hot = [float(i == k) for i in range(size)]
        shares = [(1 - mp.mpf(smoothing)) * t + mp.mpf(smoothing) / size for t in one_hot]
        expected = pytest.approx(float(cross_entropy_exactly(logits, shares)), rel=1e-12, abs=1e-14)
        assert losses.cross_entropy(logits, k, label_smoothing=smoothing) == expected
        assert losses.cross_entropy(logits, one_hot, label_smoothing=smoothing) == expected


def test_cross_entropy_of_probabilities() -> None:
    logits, shares = [0.3, -2.0, 1.7], [0.5, 0.25, 0.25]
    assert losses.cross_entropy(logits, shares) == pytest.approx(
        float(cross_entropy_exactly(logits, shares)), rel=1e-12
    )


def test_cross_entropy_of_several_samples() -> None:
    rows, targets = [[0.3, -2.0], [1.0, 1.5], [3.0, 4.0]], [0, 1.0, [0.5, 0.5]]
    each = [losses.cross_entropy(row, target) for row, target in zip(rows, targets, strict=True)]
    assert losses.cross_entropy(rows, targets, reduction="sum") == pytest.approx(
        math.fsum(each), rel=1e-15
    )
    assert losses.cross_entropy(rows, targets) == pytest.approx(math.fsum(each) / 3, rel=1e-15)
    assert losses.cross_entropy(np.array(rows), np.array([0, 1, 1])) == losses.cross_entropy(
        rows, [0, 1, 1]
    )


def test_the_numbers_of_the_textbook() -> None:
    """Probabilities of 90 %, 5 %, 2 % and 3 %: -log 0.9 for the first, -log 0.02 for the third."""
    logits = [math.log(p) for p in (0.9, 0.05, 0.02, 0.03)]
    assert losses.cross_entropy(logits, 0) == pytest.approx(0.10536051565782628, rel=1e-12)
    assert losses.cross_entropy(logits, 2) == pytest.approx(3.912023005428146, rel=1e-12)


# Against central differences


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_gradients(name: str, reduction: str) -> None:
    loss, _, kind = FORMULAS[name]
    predictions, targets = samples(kind, 6, seed=2)
    if "probability" in kind or "logit" in kind:
        predictions = [
            max(-8.0, min(p, 8.0)) for p in predictions
        ]  # where differences still see something
    report = sg.gradcheck(lambda p: loss(p, targets, reduction=reduction), predictions)
    assert report, str(report)
    assert not report.kinks


@pytest.mark.parametrize("name", ["l1", "l2", "mse", "huber", "bce", "bce logits"])
def test_gradients_with_respect_to_targets(name: str) -> None:
    loss, _, kind = FORMULAS[name]
    predictions, targets = samples(kind, 3, seed=4)
    if "logit" in kind:
        predictions = [p / 10 for p in predictions]
    report = sg.gradcheck(lambda t: loss(predictions, t), targets)
    assert report, str(report)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("target", [2, [0.0, 0.0, 1.0], [0.2, 0.3, 0.5]], ids=str)
def test_gradients_of_cross_entropy(target: Any, smoothing: float) -> None:
    report = sg.gradcheck(
        lambda x: losses.cross_entropy(x, target, label_smoothing=smoothing), [0.5, -1.0, 2.0]
    )
    assert report, str(report)


def test_gradient_with_respect_to_the_probabilities_of_a_target() -> None:
    shares = [Value(0.25), Value(0.75)]
    losses.cross_entropy([1.0, 3.0], shares).backward()
    total = math.log(math.exp(1.0) + math.exp(3.0))
    assert [share.grad for share in shares] == pytest.approx([total - 1.0, total - 3.0], rel=1e-12)


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=5), st.data())
def test_the_gradient_of_cross_entropy_is_softmax_minus_target(
    logits: list[float], data: st.DataObject
) -> None:
    k = data.draw(st.integers(0, len(logits) - 1))
    leaves = [Value(x) for x in logits]
    losses.cross_entropy(leaves, k).backward()
    expected = [p - (i == k) for i, p in enumerate(sg.softmax(logits))]
    assert [leaf.grad for leaf in leaves] == pytest.approx(expected, abs=1e-13)


# Edges


def gradients(loss: Value, leaves: list[Value]) -> list[float]:
    loss.backward()
    return [leaf.grad for leaf in leaves]


@pytest.mark.parametrize(
    ("logit", "target", "value", "gradient"),
    [
        (1000, 1, 0, 0),
        (1000, 0, 1000, 1),
        (-1000, 1, 1000, -1),
        (-1000, 0, 0, 0),
        (1000, 0.25, 750, 0.75),
        (math.inf, 1, 0, 0),
    ],
)
def test_extreme_logits(logit: float, target: float, value: float, gradient: float) -> None:
    x = Value(logit)
    loss = losses.binary_cross_entropy_with_logits(x, target)
    assert (loss.data, gradients(loss, [x])) == (value, [gradient])


def test_a_sure_logit_keeps_its_small_loss() -> None:
    assert losses.binary_cross_entropy_with_logits(50.0, 1) == pytest.approx(
        math.exp(-50), rel=1e-12
    )


@pytest.mark.parametrize(
    ("logits", "target", "value", "gradient"),
    [
        ([1000, -1000], 0, 0, [0, 0]),
        ([1000, -1000], 1, 2000, [1, -1]),
        ([1000, 1000], 1, math.log(2), [0.5, -0.5]),
        ([-1000, -1000], [0.5, 0.5], math.log(2), [0, 0]),
        ([0, -math.inf], [1, 0], 0, [0, 0]),
    ],
)
def test_extreme_logits_of_classes(
    logits: Any, target: Any, value: float, gradient: list[float]
) -> None:
    leaves = [Value(x) for x in logits]
    loss = losses.cross_entropy(leaves, target)
    assert loss.data == pytest.approx(value, abs=1e-12)
    assert gradients(loss, leaves) == pytest.approx(gradient, abs=1e-12)


@pytest.mark.parametrize(
    ("p", "t", "value", "gradient"),
    [(1, 1, 0, -1), (0, 0, 0, 1), (0, 1, math.inf, -math.inf), (1, 0, math.inf, math.inf)],
)
def test_probabilities_at_the_edge(p: float, t: float, value: float, gradient: float) -> None:
    x = Value(p)
    loss = losses.binary_cross_entropy(x, t)
    assert (loss.data, gradients(loss, [x])) == (value, [gradient])


def test_kinks_and_huge_errors() -> None:
    x = Value(1.0)
    assert gradients(losses.absolute_error(x, 1), [x]) == [0.0]
    for error, gradient in ((1.0, 1.0), (-1.0, -1.0), (3.0, 1.0), (math.inf, 1.0), (0.0, 0.0)):
        x = Value(error)
        assert gradients(losses.huber(x, 0.0), [x]) == [gradient]
    assert (
        losses.mse(1e200, 0.0)
        == losses.half_squared_error(-1e200, 0)
        == losses.huber(math.inf, 0)
        == math.inf
    )
    assert math.isnan(losses.mse(math.nan, 0))
    assert math.isnan(losses.binary_cross_entropy(math.nan, 0.5))


def test_the_same_numbers_as_rows_or_as_one_list() -> None:
    rows = [[1.0, 2.0], [3.0, 5.0]]
    assert (
        losses.mse(rows, [[0.0, 0.0], [1.0, 1.0]])
        == losses.mse([1.0, 2.0, 3.0, 5.0], [0.0, 0.0, 1.0, 1.0])
        == 25 / 4
    )
    assert losses.mse(np.array(rows), np.zeros((2, 2))) == 39 / 4
    assert losses.mse((x for x in [1.0, 2.0]), (0, 0)) == 2.5


def test_graphs_hold_what_is_needed_and_nothing_else() -> None:
    p = Value(0.5)
    assert [node.op for node in topological([losses.binary_cross_entropy(p, 1)])] == [
        "",
        "log",
        "neg",
    ]
    assert [node.op for node in topological([losses.cross_entropy([p, p], 1)])] == [
        "",
        "max",
        "stop_gradient",
        "sub",
        "sub",
        "logsumexp",
        "sub",
    ]


# Logits of any size


@pytest.mark.parametrize("base", [1e6, 1e10, 1e15, 1e16, 1e20, 1e300, -1e16])
@pytest.mark.parametrize("target", [0, 2, [0.0, 1.0, 0.0], [0.25, 0.25, 0.5]], ids=str)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_exact_for_logits_of_any_size(
    base: float, target: Any, smoothing: float
) -> None:
    torch = pytest.importorskip("torch")
    logits = [base, base, base - 2.0]
    index = (
        torch.tensor(target)
        if isinstance(target, int)
        else torch.tensor(target, dtype=torch.float64)
    )
    compare(
        torch,
        lambda rows, _, **options: losses.cross_entropy(rows[0], target, **options),
        lambda rows, _, **options: torch.nn.functional.cross_entropy(rows[0], index, **options),
        [logits],
        target,
        index,
        label_smoothing=smoothing,
    )


def test_second_derivatives_of_cross_entropy_at_a_tie() -> None:
    torch = pytest.importorskip("torch")
    for logits in ([3.0, 3.0, 1.0], [1e16, 1e16, 1e16 - 2.0]):
        tensor = torch.tensor(logits, dtype=torch.float64)
        expected = torch.autograd.functional.hessian(
            lambda x: torch.nn.functional.cross_entropy(x, torch.tensor(1)), tensor
        )
        rows = sg.hessian(lambda x: losses.cross_entropy(x, 1))(logits)
        assert [float(x) for row in rows for x in row] == pytest.approx(
            expected.flatten().tolist(), rel=1e-13, abs=1e-16
        )


def test_a_compiled_cross_entropy_is_exact_too() -> None:
    program = sg.compile(lambda x, y: losses.cross_entropy(x, y), inputs=(3, 3))
    x, y = [[1e16, 1e16, 1e16 - 2.0]], [[0.0, 1.0, 0.0]]
    shares = sg.softmax([0.0, 0.0, -2.0])
    assert program(x, y)[0, 0] == pytest.approx(-math.log(shares[1]), rel=1e-15)
    assert program.inputs_gradient(x, y)[0][0].tolist() == pytest.approx(
        [shares[0], shares[1] - 1.0, shares[2]], rel=1e-15
    )


# Against PyTorch


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", [name for name in FORMULAS if name != "hinge"])
def test_agrees_with_torch(name: str, reduction: str) -> None:
    torch = pytest.importorskip("torch")
    theirs = {
        "l1": torch.nn.functional.l1_loss,
        "l2": lambda p, t, reduction: 0.5 * torch.nn.functional.mse_loss(p, t, reduction=reduction),
        "mse": torch.nn.functional.mse_loss,
        "huber": torch.nn.functional.huber_loss,
        "huber 0.3": lambda p, t, reduction: torch.nn.functional.huber_loss(
            p, t, reduction=reduction, delta=0.3
        ),
        "bce": torch.nn.functional.binary_cross_entropy,
        "bce logits": torch.nn.functional.binary_cross_entropy_with_logits,
    }[name.partition(",")[0]]
    ours, _, kind = FORMULAS[name]
    predictions, targets = samples(kind, 9, seed=3)
    if kind.startswith("logit"):
        predictions[:2] = [1000.0, -1000.0]
    compare(
        torch,
        ours,
        theirs,
        predictions,
        targets,
        torch.tensor(targets, dtype=torch.float64),
        reduction=reduction,
    )


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("kind", ["index", "probabilities"])
def test_cross_entropy_agrees_with_torch(kind: str, smoothing: float, reduction: str) -> None:
    torch = pytest.importorskip("torch")
    rng = Random(8)
    rows = [[1000.0, -1000.0, 0.0], *([rng.gauss(0, 3) for _ in range(3)] for _ in range(4))]
    targets: Any = (
        [1, 0, 2, 1, 1]
        if kind == "index"
        else [[0.0, 1.0, 0.0], *([0.5, 0.25, 0.25] for _ in range(4))]
    )
    as_tensor = (
        torch.tensor(targets) if kind == "index" else torch.tensor(targets, dtype=torch.float64)
    )
    options = {"label_smoothing": smoothing, "reduction": reduction}
    compare(
        torch,
        losses.cross_entropy,
        torch.nn.functional.cross_entropy,
        rows,
        targets,
        as_tensor,
        **options,
    )


def compare(
    torch: Any,
    ours: Any,
    theirs: Any,
    predictions: Any,
    targets: Any,
    target_tensor: Any,
    **options: Any,
) -> None:
    """Value and gradients of both, for a list or a table of predictions."""
    leaves = [
        [Value(x) for x in row] if isinstance(row, list) else Value(row) for row in predictions
    ]
    tensor = torch.tensor(predictions, dtype=torch.float64, requires_grad=True)
    loss, expected = ours(leaves, targets, **options), theirs(tensor, target_tensor, **options)
    loss.backward()
    expected.backward()
    flat = [leaf for row in leaves for leaf in (row if isinstance(row, list) else [row])]
    assert loss.data == pytest.approx(expected.item(), rel=1e-12)
    assert [leaf.grad for leaf in flat] == pytest.approx(
        tensor.grad.flatten().tolist(), rel=1e-9, abs=1e-13
    )


# Refusals

ELEMENTWISE = [
    losses.absolute_error,
    losses.half_squared_error,
    losses.mse,
    losses.huber,
    losses.hinge,
    losses.binary_cross_entropy,
    losses.binary_cross_entropy_with_logits,
]
every_loss = pytest.mark.parametrize("loss", ELEMENTWISE, ids=lambda loss: loss.__name__)


@every_loss
def test_shapes_that_differ_are_refused(loss: Any) -> None:
    for prediction, target in (
        ([0.5, 0.5], [1]),
        ([0.5], [1, 1]),
        ([[0.5]], [[1, 1]]),
        (0.5, [1]),
        ([0.5], 1),
        ([[0.5]], [1]),
        ([], []),
    ):
        with pytest.raises(LengthError, match=loss.__name__):
            loss(prediction, target)


@pytest.mark.parametrize(
    ("prediction", "target", "words"),
    [
        (1.0, [1.0, 2.0], "the prediction is one number where the target is a list"),
        ([1.0, 2.0], 1.0, "the target is one number where the prediction is a list"),
    ],
)
def test_which_of_the_two_is_one_number_is_told(prediction: Any, target: Any, words: str) -> None:
    with pytest.raises(LengthError, match=words):
        losses.mse(prediction, target)


@every_loss
def test_what_is_not_a_number_is_refused(loss: Any) -> None:
    for prediction, target in (
        ("1", 1),
        (0.5, "1"),
        (None, 1),
        (0.5, None),
        ([0.5, None], [1, 1]),
        (1j, 1),
        ("ab", "cd"),
    ):
        with pytest.raises(DataError, match=loss.__name__):
            loss(prediction, target)


@pytest.mark.parametrize("reduction", ["none", "Mean", None, 1, ["mean"], "max"], ids=repr)
def test_unknown_reductions_are_refused(reduction: Any) -> None:
    for loss in (*ELEMENTWISE, losses.cross_entropy):
        with pytest.raises(OptionError, match="'mean' or 'sum'"):
            loss(
                [0.5, 0.5], [1, 0] if loss is losses.cross_entropy else [1, 1], reduction=reduction
            )


@pytest.mark.parametrize("target", [-0.1, 1.1, math.nan, math.inf, 5])
def test_targets_outside_their_range_are_refused(target: float) -> None:
    for loss in (losses.binary_cross_entropy, losses.binary_cross_entropy_with_logits):
        with pytest.raises(OptionError, match=r"in \[0, 1\]"):
            loss([0.5, 0.5], [1, target])
    with pytest.raises(OptionError, match="-1 or 1"):
        losses.hinge([0.5, 0.5], [1, target])
    with pytest.raises(OptionError, match=r"in \[0, 1\]"):
        losses.cross_entropy([0.5, 0.5], [1, target])


def test_other_refusals() -> None:
    with pytest.raises(OptionError, match="binary_cross_entropy_with_logits"):
        losses.binary_cross_entropy(Value(1.5), 1)
    with pytest.raises(OptionError, match="add up to 1"):
        losses.cross_entropy([0.5, 0.5], [1, 1])
    for delta in (0, -1.0, math.nan):
        with pytest.raises(OptionError, match="delta"):
            losses.huber(1.0, 0.0, delta=delta)
    for smoothing in (-0.1, 1.1, math.nan):
        with pytest.raises(OptionError, match="label_smoothing"):
            losses.cross_entropy([0.0, 1.0], 0, label_smoothing=smoothing)


@pytest.mark.parametrize("index", [-1, 2, 0.5, math.nan, math.inf, 10**6])
def test_a_class_that_is_not_there(index: float) -> None:
    with pytest.raises(OptionError, match="from 0 to 1 for 2 logits"):
        losses.cross_entropy([0.0, 1.0], index)


@pytest.mark.parametrize(
    ("prediction", "target"),
    [
        ([], 0),
        ([[]], [0]),
        ([0.0, 1.0], []),
        ([0.0, 1.0], [1.0]),
        ([[0.0, 1.0]], [0, 1]),
        ([[0.0], [1.0, 2.0]], [0, [1.0]]),
    ],
    ids=str,
)
def test_cross_entropy_refuses_wrong_lengths(prediction: Any, target: Any) -> None:
    with pytest.raises(LengthError, match="cross_entropy"):
        losses.cross_entropy(prediction, target)


@pytest.mark.parametrize(
    ("prediction", "target"),
    [
        (0.5, 0),
        (Value(1.0), 0),
        ("ab", 0),
        (None, 0),
        ([0.0, 1.0], "a"),
        ([0.0, "1"], 0),
        ([[0.0], 1.0], [0, 0]),
        ([[0.0]], 0),
        ([0.0], None),
    ],
    ids=str,
)
def test_cross_entropy_refuses_what_is_not_numbers(prediction: Any, target: Any) -> None:
    with pytest.raises(DataError, match="cross_entropy"):
        losses.cross_entropy(prediction, target)


def test_a_value_is_no_class_index() -> None:
    with pytest.raises(DataError, match="can't be a Value"):
        losses.cross_entropy([0.0, 1.0], Value(1.0))


@given(
    st.sampled_from([*ELEMENTWISE, losses.cross_entropy]),
    st.recursive(st.floats() | st.none() | st.text(max_size=2), st.lists),
    st.floats(),
)
def test_odd_input_ends_in_an_error_of_ours_or_a_number(
    loss: Any, prediction: Any, target: float
) -> None:
    with suppress(ScalargradError):
        assert type(loss(prediction, target)) is float


def test_a_loss_by_name_or_as_it_is() -> None:
    assert losses.get_loss("mse") is losses.mse
    assert losses.get_loss(math.dist) is math.dist


def test_one_item_needs_no_reduction() -> None:
    p = Value(3.0)
    for reduction in ("mean", "sum"):
        assert losses.mse([p], [1.0], reduction=reduction).op == "pow"
    assert [
        losses.mse([p, p], [1.0, 2.0], reduction=reduction).op for reduction in ("mean", "sum")
    ] == ["mean", "sum"]


# Targets


def test_every_loss_says_what_targets_it_takes() -> None:
    assert set(losses.TARGETS) == set(losses.LOSSES.values())


def test_a_loss_comes_out_of_its_options() -> None:
    inner = partial(losses.cross_entropy, ignore_index=1, label_smoothing=0.1)
    assert losses.unwrap_loss(partial(inner, ignore_index=2)) == (
        losses.cross_entropy,
        {"ignore_index": 2, "label_smoothing": 0.1},
    )
    assert losses.unwrap_loss(losses.mse) == (losses.mse, {})


def test_what_is_no_loss_is_refused() -> None:
    for choice in (3, None, "mean", ["mse"]):
        with pytest.raises(OptionError, match="loss must be a function"):
            losses.get_loss(choice)
    with pytest.raises(OptionError, match="did you mean 'cross_entropy'"):
        losses.get_loss("CrossEntropy")


def test_nested_lists_must_have_one_shape_all_the_way_down() -> None:
    assert losses.mse([[1.0, 2.0], [3.0]], [[0.0, 0.0], [0.0]]) == pytest.approx(14.0 / 3.0)
    with pytest.raises(
        LengthError, match="mse needs a target for each prediction: 2 predictions, 1 targets"
    ):
        losses.mse([[1.0], [1.0, 2.0]], [[1.0], [1.0]])
    with pytest.raises(
        LengthError, match="mse: the target is one number where the prediction is a list"
    ):
        losses.mse([[1.0], [1.0]], [[1.0], 1.0])


# Ignored classes


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_an_ignored_index_as_in_pytorch(reduction: str, smoothing: float) -> None:
    torch = pytest.importorskip("torch")
    rng = Random(5)
    rows = [[rng.gauss(0, 2) for _ in range(4)] for _ in range(6)]
    targets = [0, 3, -100, 2, -100, 1]
    logits = [[Value(x) for x in row] for row in rows]
    loss = losses.cross_entropy(
        logits, targets, ignore_index=-100, reduction=reduction, label_smoothing=smoothing
    )
    loss.backward()
    theirs = torch.tensor(rows, dtype=torch.float64, requires_grad=True)
    expected = torch.nn.functional.cross_entropy(
        theirs,
        torch.tensor(targets),
        ignore_index=-100,
        reduction=reduction,
        label_smoothing=smoothing,
    )
    expected.backward()
    assert loss.data == pytest.approx(expected.item(), rel=1e-12)
    assert np.allclose(
        [[x.grad for x in row] for row in logits], theirs.grad.numpy(), rtol=1e-12, atol=1e-15
    )


def test_where_all_are_ignored_the_loss_is_zero() -> None:
    loss = losses.cross_entropy([Value(1.0), Value(2.0)], 7, ignore_index=7)
    loss.backward()
    assert (type(loss), loss.data) == (Value, 0.0)
    assert losses.cross_entropy([[1.0, 2.0], [0.0, 1.0]], [7, 7], ignore_index=7) == 0.0


def test_an_ignored_index_may_be_a_class() -> None:
    assert losses.cross_entropy(
        [[0.0, 5.0], [0.0, 0.0]], [0, 1], ignore_index=0
    ) == losses.cross_entropy([0.0, 0.0], 1)


def test_an_ignored_index_is_a_whole_number() -> None:
    with pytest.raises(OptionError, match="ignore_index of cross_entropy must be a whole number"):
        losses.cross_entropy([0.0, 1.0], 0, ignore_index=0.5)  # type: ignore[arg-type]


def test_probabilities_that_add_up_to_a_little_more_or_less_than_one_are_refused() -> None:
    for share in (0.501, 0.499):
        with pytest.raises(OptionError, match="must add up to 1"):
            losses.cross_entropy([0.0, 1.0], [0.5, share])
    losses.cross_entropy([0.0, 1.0], [0.5, 0.50001])

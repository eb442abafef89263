"""Numerical gradients against mpmath and closed forms; gradcheck against deliberate faults."""

import dataclasses
import functools
import math
import re

import mpmath
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad as sg
from scalargrad import GradientReport, Value, gradcheck, numerical_gradient
from scalargrad.autodiff.checking import STEP
from scalargrad.core import ops
from scalargrad.core.nested import flatten
from scalargrad.core.operations import apply
from scalargrad.errors import CallError, DataError, GradientError, OptionError, UnlearnedWarning
from scalargrad.nn import MLP


@pytest.mark.parametrize("x", [-3.0, 0.0, 0.5, 1e3, 1e-7])
@pytest.mark.parametrize("name", ["sin", "tanh", "atan", "erf"])
def test_scalar_gradient_agrees_with_mpmath(name, x):
    exact = float(mpmath.diff(getattr(mpmath, name), x))
    # the step is relative beyond 1, so the error of the difference grows with (h·x)²
    allowed = 1e-10 + (STEP * max(abs(x), 1.0)) ** 2
    assert numerical_gradient(getattr(sg, name), x) == pytest.approx(exact, abs=allowed)


@given(st.floats(-1e6, 1e6))
def test_gradient_of_a_parabola_is_exact_up_to_rounding(x):
    scale = max(abs(x), 1.0)  # h² does not matter, for f‴ = 0; what is left is ε·x²/h
    assert numerical_gradient(lambda x: x * x, x) == pytest.approx(2 * x, abs=1e-9 * scale)


def test_the_step_scales_with_x():
    """A fixed step of 6e-6 would vanish in the rounding of 1e12."""
    assert numerical_gradient(lambda x: 3 * x, 1e12) == pytest.approx(3.0, rel=1e-9)
    assert numerical_gradient(math.log, 1e-4, step=1e-8) == pytest.approx(1e4, rel=1e-6)


def test_lists_keep_their_structure():
    found = numerical_gradient(lambda x: x[0] * x[1][0] + 2 * x[2]["w"], [2, (3.0,), {"w": 1.0}])
    assert found == [pytest.approx(3.0), (pytest.approx(2.0),), {"w": pytest.approx(2.0)}]
    assert numerical_gradient(len, []) == []


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 1, 3), (0, 2)])
def test_arrays_keep_their_shape(shape):
    x = numpy.random.default_rng(0).normal(size=shape)
    found = numerical_gradient(lambda x: (numpy.sin(x) * x).sum(), x)
    assert (found.shape, found.dtype) == (shape, float)
    numpy.testing.assert_allclose(found, numpy.cos(x) * x + numpy.sin(x), rtol=1e-8, atol=1e-9)


def test_the_function_gets_the_same_kind_of_argument():
    seen = []

    def f(x):
        seen.append(x)
        return sum(flatten(x))

    for x in (
        1,
        1.0,
        numpy.float32(1.0),
        numpy.array(1.0),
        [1],
        (1.0, 2.0),
        {"a": 1},
        Value(1.0),
        [Value(1.0)],
    ):
        numerical_gradient(f, x)
    assert [type(x) for x in seen[::2]] == [
        float,
        float,
        float,
        float,
        list,
        tuple,
        tuple,
        dict,
        Value,
        list,
    ]
    assert type(seen[-1][0]) is Value
    for x in (
        numpy.ones((2, 1), dtype=int),
        numpy.ones(3, dtype=numpy.float32),
        numpy.array([Value(1.0)]),
    ):
        numerical_gradient(f, x)
        assert seen[-1].shape == x.shape
    assert seen[-1].dtype == object
    assert type(seen[-1][0]) is Value
    assert seen[-3].dtype == float


def test_the_argument_is_never_modified_even_if_the_function_raises_or_writes_to_it():
    array, numbers, value = numpy.array([1.0, 2.0]), [1.0, [2.0]], Value(3.0)

    def spoil(x):
        x[0] = 99.0
        raise KeyError

    for x in (array, numbers):
        with pytest.raises(KeyError):
            numerical_gradient(spoil, x)
    numerical_gradient(lambda x: x * x, value)
    assert (array.tolist(), numbers, value.data, value.grad) == ([1.0, 2.0], [1.0, [2.0]], 3.0, 0.0)


def test_numerical_gradient_of_a_derivative():
    """Values stay Values, so a function may use the engine itself."""
    assert numerical_gradient(lambda x: sg.grad(lambda y: y**3)(x), 2.0) == pytest.approx(12.0)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: numerical_gradient(lambda x: [x], 1.0), DataError, "one number, not list"),
        (lambda: numerical_gradient(lambda _x: None, 1.0), DataError, "one number, not NoneType"),
        (
            lambda: numerical_gradient(lambda x: x, "1"),
            DataError,
            "a number of x must be a real number, not str",
        ),
        (
            lambda: numerical_gradient(lambda x: x, 1.0, step=0.0),
            OptionError,
            r"step must be .* not 0\.0",
        ),
        (lambda: gradcheck(lambda x: x, 1.0, step=-1e-6), OptionError, "step must be"),
        (
            lambda: numerical_gradient(3.0, 1.0),
            CallError,
            "numerical_gradient takes a function, not float",
        ),
        (
            lambda: gradcheck(sg.sin(Value(1.0)), 1.0),
            CallError,
            "gradcheck takes a function, not Value",
        ),
        (lambda: gradcheck(lambda x: x, [1j]), DataError, "not complex"),
        (lambda: gradcheck(lambda _x: "1", 1.0), DataError, "not str '1'"),
    ],
)
def test_errors_say_what_was_wrong(call, error, words):
    with pytest.raises(error, match=words):
        call()


# gradcheck


def test_a_right_function_passes():
    report = gradcheck(lambda x, y: sg.tanh(x[0] * y) + sg.exp(x[1]), ([0.5, -1.0], 2.0))
    assert report
    assert isinstance(report, GradientReport)
    assert [comparison.input for comparison in report.comparisons] == [
        "inputs[0][0]",
        "inputs[0][1]",
        "inputs[1]",
    ]
    assert report.worst_error < 1e-9
    assert (report.failures, report.kinks, report.suspect) == ([], [], "")
    assert str(report).startswith("gradcheck: 3 derivatives agree\n  worst: d output / d inputs[")


def test_floats_lists_arrays_and_several_outputs():
    assert gradcheck(sg.sin, 0.5)
    assert gradcheck(lambda x: sg.dot(x, x), [1.0, 2.0])
    report = gradcheck(
        lambda w, x: {"y": numpy.tanh(w @ x)}, (numpy.array([[0.1, 0.2]]), numpy.array([1.0, -1.0]))
    )
    assert report
    assert [(c.output, c.input) for c in report.comparisons[:2]] == [
        ("output['y'][0]", "inputs[0][0, 0]"),
        ("output['y'][0]", "inputs[0][0, 1]"),
    ]
    assert gradcheck(lambda x: 0.0 if x > 0.0 else 3.0, 1.0)
    assert gradcheck(lambda _x: [], 1.0)


def test_a_list_is_several_arguments_where_the_function_takes_several():
    assert len(gradcheck(lambda x, y: x * y, [2.0, 3.0]).comparisons) == 2
    assert len(gradcheck(lambda xs: xs[0] * xs[1], [2.0, 3.0]).comparisons) == 2
    assert len(gradcheck(lambda *xs: xs[0][0] * xs[0][1], [2.0, 3.0]).comparisons) == 2


def test_a_network_passes():
    model = MLP(2, [3, 1], activation="tanh", seed=0)
    assert gradcheck(lambda x: model(x) ** 2, [0.3, -0.7])


def broken(op, *partials):
    return dataclasses.replace(op, partials=partials)


def test_a_broken_row_is_caught_and_named(monkeypatch):
    row = broken(ops.TANH, lambda m, o, x: 1.0 - o)
    monkeypatch.setitem(ops.TABLE, row.name, row)
    report = gradcheck(lambda x, y: sg.exp(apply(row, sg.sin(x) * y)) * 3, (0.5, 0.7))
    assert not report
    assert len(report.failures) == 2
    assert report.suspect.startswith(f"{row.name}(0.3355978")
    assert "local derivative by operand 1 is 0.676" in report.suspect
    assert "by central difference of its rule 0.895" in report.suspect
    assert "gradcheck: 2 of 2 derivatives disagree" in str(report)
    assert report.suspect in str(report)


def test_the_operand_with_the_wrong_rule_is_named(monkeypatch):
    row = broken(ops.DIV, ops.DIV.partials[0], lambda m, o, x, y: m.div(o, y))
    monkeypatch.setitem(ops.TABLE, row.name, row)
    assert gradcheck(lambda x: apply(row, x, 2.0), 3.0)
    assert "by operand 2 is 0.75" in gradcheck(lambda x: apply(row, 3.0, x), 2.0).suspect


def test_a_broken_row_over_a_list_is_named(monkeypatch):
    row = broken(ops.PROD, lambda m, o, items: [o for _ in items])
    monkeypatch.setitem(ops.TABLE, row.name, row)
    assert gradcheck(lambda x: apply(row, *x), [2.0, 3.0]).suspect.startswith(
        f"{row.name}(inputs[0]=2.0, inputs[1]=3.0)"
    )


def test_the_first_of_two_broken_rows_is_named(monkeypatch):
    tanh, exp = broken(ops.TANH, lambda m, o, x: 1.0), broken(ops.EXP, lambda m, o, x: x)
    monkeypatch.setitem(ops.TABLE, tanh.name, tanh)
    monkeypatch.setitem(ops.TABLE, exp.name, exp)
    assert gradcheck(lambda x: apply(exp, apply(tanh, x)), 0.5).suspect.startswith(tanh.name)
    assert gradcheck(lambda x: apply(tanh, apply(exp, x)), 0.5).suspect.startswith(exp.name)


def test_a_wrong_value_made_by_hand_is_named():
    def cube(x, factor):
        return Value(x.data**3, (x,), "cube", label="c", partials=(factor * x.data**2,))

    assert gradcheck(lambda x: sg.sin(cube(x * 2.0, 3.0)), 0.4)
    report = gradcheck(lambda x: sg.sin(cube(x * 2.0, 2.0)), 0.4)
    assert not report
    assert report.suspect.startswith("c = cube(0.8): by its partials")


def test_a_value_made_by_hand_may_be_off_by_what_is_allowed():
    def cube(x):
        return Value(x.data**3, (x,), "cube", partials=(3.03 * x.data**2,))

    def wrong(x):
        return Value(x.data, (x,), "wrong", partials=(3.0,))

    assert gradcheck(lambda x: wrong(cube(x * 2.0)), 0.4, relative=0.02).suspect.startswith("wrong")


def test_what_is_told_of_a_value_made_by_hand_is_how_it_moves():
    def cube(x):
        return Value(x.data**3, (x,), "cube", partials=(2.0 * x.data**2,))

    told = gradcheck(lambda x: cube(x * 2.0), 0.4).suspect
    words = r"moves by (\S+) with the input, but actually by (\S+)$"
    expected, seen = re.search(words, told).groups()
    assert float(expected) == pytest.approx(2.0 * 2.0 * 0.8**2)
    assert float(seen) == pytest.approx(2.0 * 3.0 * 0.8**2)


def test_a_right_value_made_by_hand_is_not_suspected_before_a_wrong_one():
    def square(x, factor):
        return Value(x.data**2, (x,), f"square {factor}", partials=(factor * x.data,))

    assert gradcheck(lambda x: square(square(3.0 * x, 2.0), 1.5), 0.4).suspect.startswith(
        "square 1.5("
    )


@pytest.mark.parametrize("shift", [0.0, 1e6, -1e6 / 3.0])
def test_a_right_value_made_by_hand_is_not_suspected_for_the_rounding_of_a_large_number(shift):
    def third(x):
        return Value(x.data / 3.0 + shift, (x,), "third", partials=(1.0 / 3.0,))

    def wrong(x):
        return Value(x.data, (x,), "wrong", partials=(3.0,))

    assert gradcheck(lambda x: wrong(third(x * 3.0 + 1e6)), 0.4).suspect.startswith("wrong")


def test_numbers_computed_outside_of_the_graph_are_named():
    report = gradcheck(lambda x: x * math.sin(x.data), 2.0)
    assert not report
    assert report.suspect.startswith("the constant 0.909")
    assert "outside of the graph" in report.suspect


KINKS = {
    "relu": (sg.relu, 0.0),
    "leaky_relu": (sg.leaky_relu, 0.0),
    "near": (sg.relu, 1e-7),
    "abs": (lambda x: abs(x - 1.0) + x, 1.0 - 1e-8),
    "floor": (sg.floor, 3.0),
    "round": (sg.round, 2.5),
    "step": (sg.step, 0.0),
    "maximum": (lambda x: sg.maximum(x, 2 * x), 1e-7),
    "clamp": (lambda x: sg.clamp(x, -1.0, 1.0), 1.0),
    "max": (lambda x: sg.max([x, 3 * x, 0.5]), 0.5 / 3 + 1e-7),
    "where": (lambda x: sg.where(x > 0, x, 2 * x), 0.0),
    "branch": (lambda x: x * 2 if x > 0 else -x, 0.0),
    "remainder": (lambda x: x % 2.0, 4.0),
}


@pytest.mark.parametrize("name", KINKS)
def test_a_kink_is_reported_and_is_no_failure(name):
    f, x = KINKS[name]
    report = gradcheck(f, x)
    assert report
    assert len(report.kinks) == 1
    assert report.worst is None
    assert report.worst_error == 0.0
    assert f"within h of a kink, at {report.kinks[0].kink}" in str(report)


def test_the_kink_names_its_operation():
    assert gradcheck(sg.relu, 0.0).kinks[0].kink == "relu(inputs=0.0)"
    assert (
        gradcheck(lambda x: x * 2 if x > 0 else -x, 0.0).kinks[0].kink
        == "a branch of the function itself"
    )


@pytest.mark.parametrize("x", [1e-4, 1.0])
def test_a_kink_further_away_excuses_nothing(monkeypatch, x):
    row = broken(ops.RELU, lambda m, o, x: 0.5)
    monkeypatch.setitem(ops.TABLE, row.name, row)
    report = gradcheck(lambda x: apply(row, x), x)
    assert not report
    assert report.suspect.startswith(row.name)


@pytest.mark.parametrize(
    ("f", "kink"), [(sg.step, "step(inputs=0.25)"), (lambda x: -sg.floor(-x), "floor(-0.25)")]
)
def test_a_jump_that_begins_where_the_step_ends_is_a_kink(f, kink):
    assert [found.kink for found in gradcheck(f, 0.25, step=0.25).comparisons] == [kink]


def test_another_number_of_results_on_one_side_is_a_branch():
    report = gradcheck(lambda x: [x, 2.0 * x] if x >= 0.0 else [x], 0.0)
    assert [found.kink for found in report.comparisons] == ["", "a branch of the function itself"]


@pytest.mark.parametrize("x", [1e-3, -1e-3])
def test_an_operation_that_only_its_own_step_takes_over_a_kink_is_not_suspected(x):
    def wrong(x):
        return Value(x.data + 1.0, (x,), "wrong", partials=(3.0,))

    report = gradcheck(lambda x: sg.leaky_relu(1e-3 * x) + wrong(x), x)
    assert report.suspect.startswith("wrong(")


def test_kinks_that_do_not_matter_are_not_reported():
    report = gradcheck(lambda x: sg.relu(x) ** 3, 0.0)
    assert report
    assert report.kinks == []


def test_no_false_alarm_from_rounding_or_scale():
    assert gradcheck(lambda x: x * x + 1e9, 1.0)
    assert gradcheck(lambda x: sg.sin(100.0 * x), 0.3)
    assert gradcheck(lambda x: 1e-12 * x, 5.0)
    assert gradcheck(sg.exp, 50.0)


def test_nothing_is_off_where_nothing_may_be():
    assert gradcheck(lambda x: 0.0 * x, 1.0, relative=0.0, absolute=0.0)


def test_what_is_not_a_number_is_the_worst():
    report = gradcheck(lambda x: [x * x, x + math.inf, x * x], 1.0)
    assert report.worst.output == "output[1]"


def test_the_worst_failure_is_told_once():
    def wrong(x, factor):
        return Value(x.data, (x,), "wrong", partials=(factor,))

    told = str(gradcheck(lambda x: [wrong(x, 2.0), wrong(x, 3.0)], 1.0)).splitlines()
    assert [line.split(" / ")[0] for line in told[1:3]] == [
        "  worst: d output[1]",
        "  also: d output[0]",
    ]
    assert "also" not in "".join(told[3:])


def test_a_report_shows_the_worst_failure_and_ten_others():
    def wrong(x):
        return Value(x.data, (x,), "wrong", partials=(3.0,))

    text = str(gradcheck(lambda x: [wrong(each) for each in x], [0.1 * i for i in range(15)]))
    assert text.startswith("gradcheck: 15 of 225 derivatives disagree")
    assert text.count("\n  worst: ") == 1
    assert text.count("\n  also: ") == 10


def test_the_worst_error_is_that_of_the_worst_failure():
    report = gradcheck(
        lambda x: [
            Value(x.data, (x,), "wrong", partials=(partial,)) for partial in (2.0, 4.0, 3.0)
        ],
        0.5,
    )
    assert report.worst_error == report.worst.error == pytest.approx(3.0)


def test_a_report_shows_ten_kinks():
    text = str(gradcheck(lambda x: [sg.relu(each) for each in x], [0.0] * 15))
    assert text.count("within h of a kink") == 10


def test_derivatives_that_are_not_finite_fail():
    report = gradcheck(sg.sqrt, 0.0)
    assert not report
    assert report.worst.analytic == math.inf
    assert math.isnan(report.worst.numeric)
    report = gradcheck(lambda x: x + math.inf, 1.0)
    assert not report
    assert report.suspect == ""


def test_raises_if_asked():
    wrong = (lambda x: Value(x.data, (x,), "wrong", partials=(2.0,)), 1.0)
    with pytest.raises(GradientError, match="first to disagree: wrong"):
        gradcheck(*wrong, raises=True)
    with pytest.raises(AssertionError):
        gradcheck(*wrong, raises=True)
    assert not gradcheck(*wrong)
    assert gradcheck(sg.sin, 1.0, raises=True)


def test_no_gradient_changes():
    x, w = Value(2.0), Value(3.0)
    x.grad, w.grad = 0.25, 0.5
    gradcheck(lambda x: x * w, x)
    assert (x.grad, w.grad, x.data) == (0.25, 0.5, 2.0)


def test_inside_no_grad():
    with sg.no_grad():
        assert gradcheck(sg.tanh, 0.5).worst.analytic == pytest.approx(1 - math.tanh(0.5) ** 2)


# A function that ignores its argument has the derivative 0 everywhere, which is rarely intended.


def loss_of_a_model_from_elsewhere():
    net = MLP(2, [2, 1], "tanh", seed=1)
    return (lambda _weights: net([1.0, 2.0]).data), [p.data for p in net.parameters()]


def loss_of_an_array_from_elsewhere():
    weights = numpy.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    return (lambda _weights: float((numpy.array([0.6, 0.9]) @ weights).sum())), weights


def hands_on(x):
    return ignores(x) + 1.0


def ignores(_x):
    return 7.0


def counts(x):
    return float(len(x))


@pytest.mark.parametrize(
    ("f", "x"),
    [
        loss_of_a_model_from_elsewhere(),
        loss_of_an_array_from_elsewhere(),
        (hands_on, [1.0, 2.0]),
        (ignores, 3.0),
        (ignores, numpy.ones((2, 2))),
        (ignores, {"w": [1.0], "b": numpy.zeros(2)}),
        (ignores, Value(3.0)),
        (counts, [1.0, 2.0]),
        (functools.partial(lambda _model, _x: 1.0, None), 2.0),
    ],
)
def test_a_function_that_ignores_its_argument_is_told_of(f, x):
    with pytest.warns(
        UnlearnedWarning, match=r"numerical_gradient: .* never looks .* nn\.Objective"
    ):
        found = numerical_gradient(f, x)
    assert not any(flatten(found))


@pytest.mark.parametrize("call", [numerical_gradient, gradcheck])
def test_a_model_in_the_place_of_numbers_is_told_of(call):
    with pytest.raises(DataError, match=r"not a MLP: to move the weights .* nn\.Objective"):
        call(lambda model: model([1.0]), MLP(1, [1]))


def test_gradcheck_bears_functions_that_write_into_what_they_get_and_return():
    out = []

    def f(x):
        for i in range(len(x)):
            x[i] = x[i] * x[i]
        out[:] = x
        return out

    x = [1.0, 2.0]
    assert len(gradcheck(f, (x,), raises=True).comparisons) == 4
    assert x == [1.0, 2.0]


def test_gradcheck_bears_a_hook_that_empties_what_the_function_returned():
    out = []

    def f(x):
        y = x * x
        y.register_hook(lambda _gradient: out.clear())
        out[:] = [y]
        return out

    assert [found.output for found in gradcheck(f, 3.0, raises=True).comparisons] == ["output[0]"]


def test_gradcheck_tells_of_it_too():
    w = Value(3.0)
    with pytest.warns(UnlearnedWarning, match="gradcheck: the function never looks"):
        assert gradcheck(lambda _x, _y: w * w, (1.0, 2.0))


def membership(x):
    return 1.0 if x in {5.0, 7.0} else 0.0


def as_text(x):
    return float(f"{x:.0f}" == "3")


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (sg.relu, -2.0),
        (lambda x: max(x, 0.0), -2.0),
        (lambda x: 1.0 if x > 0 else 0.0, 2.0),
        (lambda x: 1.0 if x == 5.0 else 0.0, 2.0),
        (lambda x: 0.0 if x != 5.0 else 1.0, 2.0),
        (membership, 2.0),
        (as_text, 2.0),
        (lambda x: float(int(x)), 2.5),
        (math.floor, 2.5),
        (lambda x: x * x, 0.0),
        (lambda x: x[0] ** 2 + x[1] ** 2, [0.0, 0.0]),
        (lambda x: numpy.sign(x).sum(), numpy.array([1.0, -2.0])),
        (lambda x: float(numpy.argmax(x)), numpy.array([1.0, 2.0])),
        (lambda x: numpy.asarray(x, dtype=float).round().sum(), [1.25, 2.25]),
        (lambda x: 0 * x, 3.0),
        (lambda x: (x >= 0).sum() * 1.0, numpy.ones(3)),
        (lambda x: sg.step(x[0]), [Value(3.0)]),
        (lambda x: x.view(numpy.float64).shape[0] * 1.0, numpy.ones(3)),
        (lambda _x: 1.0, []),
        (lambda _x: 1.0, None),
    ],
)
def test_a_function_that_is_flat_there_is_not(f, x):
    assert not any(flatten(numerical_gradient(f, x)))


def test_that_question_costs_one_call_more_and_only_where_all_is_flat():
    calls = []

    def f(x):
        calls.append(x)
        return x[0] * 0.0 + x[1]

    numerical_gradient(f, [1.0, 2.0])
    assert len(calls) == 4
    calls.clear()
    numerical_gradient(lambda x: f(x) * 0.0, [1.0, 2.0])
    assert len(calls) == 5


def test_a_function_that_changes_the_list_it_came_from_gets_its_shape_all_the_same():
    x = [1.0, 2.0]

    def f(moved):
        x.append(0.0)
        return moved[0] * moved[1]

    assert numerical_gradient(f, x) == pytest.approx([2.0, 1.0])
    y = [1.0, 2.0]

    def g(moved):
        y.clear()
        return moved[0] * moved[1]

    assert gradcheck(g, y)


def test_derivatives_at_kinks_are_not_counted_as_agreeing():
    report = gradcheck(lambda x: sg.relu(x[0]) + 2 * x[1], [0.0, 1.0])
    assert str(report).startswith("gradcheck: 1 derivative agrees\n")

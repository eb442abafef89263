"""Operations as functions and as methods: what they take, what they give, how they refuse."""

import ast
import math
from inspect import signature
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

import scalargrad as sg
from scalargrad import Value
from scalargrad.core import ops
from scalargrad.core.functions import FUNCTIONS
from scalargrad.core.operations import apply
from scalargrad.core.ops import FLOATS, TABLE, Op
from scalargrad.core.value import Constant
from scalargrad.errors import CallError, DataError, LengthError, OptionError
from tests.core import formulas
from tests.core.points import points

# `take` is given a table and an index, see test_lookup.py.
PUBLIC = [op for op in TABLE.values() if op.is_public and op is not ops.TAKE]
every_row = pytest.mark.parametrize("op", PUBLIC, ids=lambda op: op.name)
rows_of_operands = pytest.mark.parametrize(
    "op", [op for op in PUBLIC if not op.over_list], ids=lambda op: op.name
)


def call(op: Op, operands: list[Any]) -> Any:
    function = getattr(sg, op.name)
    if op is ops.DOT:
        return function(operands[: len(operands) // 2], operands[len(operands) // 2 :])
    return function(operands) if op.over_list else function(*operands)


@every_row
def test_numbers_alone_give_a_float(op: Op) -> None:
    point = points(op, 1)[0]
    result = call(op, list(point))
    assert type(result) is float
    assert result == op.value(FLOATS, point)


@every_row
def test_one_value_among_numbers_gives_a_value(op: Op) -> None:
    point = points(op, 1)[0]
    for i in range(len(point)):
        result = call(op, [Value(x) if i == j else x for j, x in enumerate(point)])
        assert type(result) is Value
        assert result.data == op.value(FLOATS, point)
        assert result.op == op.name


@every_row
def test_settings_stay_plain_numbers_and_other_numbers_become_constants(op: Op) -> None:
    point = points(op, 1)[0]
    place = next(i for i, name in enumerate([*op.operands, "item"]) if name not in op.static_args)
    result = call(op, [Value(x) if i == place else x for i, x in enumerate(point)])
    nodes = [i for i in range(len(point)) if op.over_list or op.operands[i] not in op.static_args]
    assert [arg.data for arg in result.args] == [point[i] for i in nodes]
    assert [isinstance(arg, Constant) for arg in result.args] == [i != place for i in nodes]


@every_row
def test_a_setting_gives_the_same_number_and_derivatives_as_a_value_there(op: Op) -> None:
    for point in points(op, 5):
        every = [Value(x) for x in point]
        call(op, every).backward()
        some = [
            x if not op.over_list and op.operands[i] in op.static_args else Value(x)
            for i, x in enumerate(point)
        ]
        if any(isinstance(x, Value) for x in some):
            call(op, some).backward()
        assert all(
            x.grad == y.grad for x, y in zip(some, every, strict=True) if isinstance(x, Value)
        )


@every_row
def test_text_none_and_complex_are_refused_by_name(op: Op) -> None:
    size = len(points(op, 1)[0])
    for bad in ("1", None, 1j, [1.0]):
        for others in (1.0, Value(1.0)):
            with pytest.raises(DataError, match=op.name):
                call(op, [bad, *[others] * (size - 1)])


@rows_of_operands
def test_too_few_too_many_or_unknown_operands_are_refused_by_name(op: Op) -> None:
    function, count = FUNCTIONS[op.name], len(op.operands)
    for operands, named in (
        ((), {}),
        ((1.0,) * (count + 1), {}),
        ((1.0,) * count, {"nonsense": 1.0}),
    ):
        with pytest.raises(CallError, match=op.name):
            function(*operands, **named)


@rows_of_operands
def test_operands_can_be_named(op: Op) -> None:
    point = points(op, 1)[0]
    assert FUNCTIONS[op.name](**dict(zip(op.operands, point, strict=True))) == FUNCTIONS[op.name](
        *point
    )
    assert list(signature(FUNCTIONS[op.name]).parameters) == list(op.operands)


@every_row
def test_function_explains_itself(op: Op) -> None:
    function = getattr(sg, op.name)
    assert function.__name__ == op.name
    assert function.__doc__.startswith(op.doc)
    assert f"{op.name}(" in function.__doc__


@every_row
def test_the_example_of_a_function_agrees_with_mpmath(op: Op) -> None:
    call_line, shown = getattr(sg, op.name).__doc__.splitlines()[-2:]
    given = ast.literal_eval(f"({call_line.removeprefix(f'>>> {op.name}(').removesuffix(')')},)")
    point = [x for item in given for x in item] if op.over_list else [*given, *op.defaults]
    assert float(shown) == pytest.approx(float(formulas.value(op.name, tuple(point))), rel=1e-14)


@rows_of_operands
def test_method_does_what_the_function_does(op: Op) -> None:
    if op is ops.WHERE:
        assert not hasattr(Value, op.name)
        return
    point = points(op, 1)[0]
    for name in filter(None, (op.name, op.numpy)):
        assert getattr(Value(point[0]), name)(*point[1:]).data == FUNCTIONS[op.name](*point)


def test_defaults_and_names_of_settings() -> None:
    x = Value(-2.0)
    assert x.leaky_relu().data == -0.02
    assert sg.leaky_relu(x, slope=0.25).data == -0.5
    assert sg.clamp(x, high=1).data == -2.0
    assert sg.clamp(x, low=-1).data == -1.0
    assert sg.clamp(5).__class__ is float
    assert sg.elu(x, alpha=2.0).data == 2.0 * math.expm1(-2.0)
    assert str(signature(sg.clamp)) == "(x, low=-inf, high=inf)"


def test_a_learned_setting_receives_its_gradient() -> None:
    x, slope, low = Value(-2.0), Value(0.25), Value(-1.0)
    (
        sg.leaky_relu(x, slope) + sg.clamp(x, low, 1.0) * 10.0 + sg.hardtanh(x, low) * 100.0
    ).backward()
    assert (x.grad, slope.grad, low.grad) == (0.25, -2.0, 110.0)


def test_lists_may_be_any_iterable() -> None:
    assert sg.sum(x for x in [1, 2, 3]) == 6.0
    assert sg.mean((Value(1.0), 2)).data == 1.5
    assert sg.max({3.0: None, 5.0: None}) == 5.0
    assert sg.dot(iter([1, 2]), (3, Value(4.0))).data == 11.0
    assert sg.softmax(iter([0.0, 0.0])) == [0.5, 0.5]


@pytest.mark.parametrize(
    "function",
    [
        sg.sum,
        sg.mean,
        sg.prod,
        sg.max,
        sg.min,
        sg.logsumexp,
        sg.norm,
        sg.softmax,
        sg.log_softmax,
        sg.std,
        sg.var,
        sg.cumsum,
    ],
)
def test_lists_that_are_none(function: Any) -> None:
    with pytest.raises(LengthError, match="empty"):
        function([])
    for bad in (3.0, Value(3.0), "12", None):
        with pytest.raises(DataError, match="list"):
            function(bad)


def test_dot_needs_two_lists_of_one_length() -> None:
    with pytest.raises(LengthError, match="1 and 3"):
        sg.dot([1.0], [1.0, 2.0, 3.0])
    with pytest.raises(LengthError, match="empty"):
        sg.dot([], [])


def test_a_list_of_one_item() -> None:
    x = Value(3.0)
    sg.sum(
        [sg.sum([x]), sg.mean([x]), sg.prod([x]), sg.max([x]), sg.min([x]), sg.logsumexp([x])]
    ).backward()
    assert x.grad == 6.0


def test_softmax_against_its_definition() -> None:
    xs = [Value(x) for x in (0.5, -1.0, 2.0)]
    shares = [math.exp(x.data) / math.fsum(math.exp(y.data) for y in xs) for x in xs]
    outputs = sg.softmax(xs)
    assert [p.data for p in outputs] == pytest.approx(shares, rel=1e-14)
    outputs[0].backward()
    assert [x.grad for x in xs] == pytest.approx(
        [shares[0] * ((i == 0) - p) for i, p in enumerate(shares)], rel=1e-13
    )
    assert [x.data for x in sg.log_softmax(xs)] == pytest.approx(
        [math.log(p) for p in shares], rel=1e-13
    )


def test_softmax_of_large_numbers() -> None:
    assert [p.data for p in sg.softmax([Value(1000.0), Value(1000.0), Value(-1000.0)])] == [
        0.5,
        0.5,
        0.0,
    ]
    assert sg.logsumexp([-math.inf, 0.0]) == 0.0
    assert sg.logsumexp([math.inf, 0.0]) == math.inf
    assert sg.softmax([3.0, 3.0]) == [0.5, 0.5]
    assert sg.softmax([-math.inf, 7.0]) == [0.0, 1.0]


BASES = [0.0, 1e6, 1e10, 1e15, 1e16, 1e20, 1e300, -1e16]


@pytest.mark.parametrize("base", BASES)
def test_softmax_is_exact_for_numbers_of_any_size(base: float) -> None:
    """Against mpmath, at floats: base + 2 may be rounded, and is then the number that is meant."""
    numbers = [base, base + 2.0, base - 2.0, base]
    powers = [mp.exp(mpf(x) - mpf(max(numbers))) for x in numbers]
    shares = [float(power / mp.fsum(powers)) for power in powers]
    logarithms = [float(mp.log(power / mp.fsum(powers))) for power in powers]
    assert sg.softmax(numbers) == pytest.approx(shares, rel=1e-15)
    assert sg.log_softmax(numbers) == pytest.approx(logarithms, rel=1e-15)
    program = sg.compile(lambda x: [*sg.softmax(x), *sg.log_softmax(x)], inputs=(4,))
    assert program([numbers])[0].tolist() == pytest.approx([*shares, *logarithms], rel=1e-15)


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_derivatives_of_softmax_to_second_order_are_those_of_torch(name: str, base: float) -> None:
    torch = pytest.importorskip("torch")
    numbers = [base, base + 2.0, base - 2.0, base]  # a tie
    theirs = getattr(torch, name)
    tensor = torch.tensor(numbers, dtype=torch.float64)
    expected = torch.autograd.functional.jacobian(lambda x: theirs(x, 0), tensor)
    curvature = torch.autograd.functional.hessian(lambda x: theirs(x, 0)[1], tensor)
    function = getattr(sg, name)
    np.testing.assert_allclose(
        as_floats(sg.jacobian(function)(numbers)), expected, rtol=1e-13, atol=1e-16
    )
    np.testing.assert_allclose(
        as_floats(sg.hessian(lambda x: function(x)[1])(numbers)), curvature, rtol=1e-13, atol=1e-16
    )


def test_the_gradient_of_logsumexp_is_exact_for_large_numbers() -> None:
    xs = [Value(1e20), Value(1e20), Value(0.0)]
    sg.logsumexp(xs).backward()
    assert [x.grad for x in xs] == [0.5, 0.5, 0.0]


def as_floats(rows: Any) -> Any:
    return [[float(x) for x in row] for row in rows]


# std, var, norm, cumsum


lists = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=6)


@given(lists, st.sampled_from([0, 1, 0.5]))
def test_std_and_var_are_those_of_numpy(numbers: list[float], ddof: float) -> None:
    assert sg.var(numbers, ddof=ddof) == pytest.approx(
        np.var(numbers, ddof=ddof), rel=1e-12, abs=1e-20
    )
    assert sg.std(numbers, ddof) == pytest.approx(np.std(numbers, ddof=ddof), rel=1e-12, abs=1e-20)


@pytest.mark.parametrize("name", ["std", "var"])
@pytest.mark.parametrize("ddof", [0, 1])
def test_derivatives_of_std_and_var_to_second_order_are_those_of_torch(
    name: str, ddof: int
) -> None:
    torch = pytest.importorskip("torch")
    numbers = [1.0, 2.0, 4.0]
    tensor = torch.tensor(numbers, dtype=torch.float64)
    function, theirs = getattr(sg, name), getattr(torch, name)
    xs = [Value(x) for x in numbers]
    function(xs, ddof=ddof).backward()
    expected = torch.autograd.functional.jacobian(lambda x: theirs(x, correction=ddof), tensor)
    assert [x.grad for x in xs] == pytest.approx(expected.tolist(), rel=1e-13)
    curvature = torch.autograd.functional.hessian(lambda x: theirs(x, correction=ddof), tensor)
    np.testing.assert_allclose(
        as_floats(sg.hessian(lambda x: function(x, ddof=ddof))(numbers)),
        curvature,
        rtol=1e-12,
        atol=1e-14,
    )


def test_equal_items_have_no_spread_and_a_gradient_of_0() -> None:
    xs = [Value(3.0), Value(3.0)]
    (sg.std(xs) + sg.var(xs) + sg.norm([x - 3.0 for x in xs])).backward()
    assert [x.grad for x in xs] == [0.0, 0.0]


def test_what_ddof_leaves_nothing_of_is_refused() -> None:
    for function in (sg.std, sg.var):
        message = (
            f"ddof of {function.__name__} must be below the number of items, which is 1, not 1"
        )
        with pytest.raises(OptionError, match=message):
            function([2.0], ddof=1)
        with pytest.raises(DataError, match=f"ddof of {function.__name__}"):
            function([2.0], ddof="1")


@given(lists)
def test_norm_and_cumsum_are_those_of_numpy(numbers: list[float]) -> None:
    assert sg.norm(numbers) == pytest.approx(np.linalg.norm(numbers), rel=1e-14)
    assert sg.cumsum(numbers) == np.cumsum(numbers).tolist()


def test_cumsum_of_values() -> None:
    xs = [Value(1.0), Value(2.0), Value(4.0)]
    sums = sg.cumsum(xs)
    assert [x.data for x in sums] == [1.0, 3.0, 7.0]
    sg.dot(sums, [1.0, 10.0, 100.0]).backward()
    assert [x.grad for x in xs] == [111.0, 110.0, 100.0]


def test_the_functions_over_lists_are_compiled() -> None:
    def function(x: Any) -> list[Value]:
        return [sg.std(x), sg.var(x, ddof=1), sg.norm(x), *sg.cumsum(x)]

    numbers = [1.0, 2.0, 4.0]
    found = sg.compile(function, inputs=(3,))([numbers])[0]
    assert found.tolist() == pytest.approx(
        [np.std(numbers), np.var(numbers, ddof=1), np.linalg.norm(numbers), 1.0, 3.0, 7.0],
        rel=1e-15,
    )


# stop_gradient


def test_a_gradient_is_stopped_to_every_order() -> None:
    x = Value(3.0)
    y = x * sg.stop_gradient(x) ** 2
    y.backward(create_graph=True)
    assert (y.data, x.grad.data) == (27.0, 9.0)
    slope, x.grad = x.grad, 0.0
    slope.backward()
    assert x.grad == 0.0
    assert sg.stop_gradient(2.0) == 2.0
    assert (Value(2.0).stop_gradient() * 1).data == 2.0


def test_a_stopped_gradient_lets_no_nan_through() -> None:
    x = Value(0.0)
    (sg.stop_gradient(sg.sqrt(x)) * math.inf + x).backward()
    assert x.grad == 1.0


@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_a_program_stops_a_gradient(backend: str) -> None:
    if backend == "jax":
        pytest.importorskip("jax")
    program = sg.compile(lambda x: x * sg.stop_gradient(x), inputs=(1,), backend=backend)
    assert program(np.array([3.0]))[0].item() == 9.0
    assert program.inputs_gradient(np.array([3.0]))[0].item() == 3.0


def test_a_product_with_zeros_knows_the_product_of_the_others() -> None:
    xs = [Value(2.0), Value(0.0), Value(5.0)]
    sg.prod(xs).backward()
    assert [x.grad for x in xs] == [0.0, 10.0, 0.0]


def test_equal_largest_items_share() -> None:
    xs = [Value(3.0), Value(1.0), Value(3.0)]
    sg.max(xs).backward()
    assert [x.grad for x in xs] == [0.5, 0.0, 0.5]
    assert math.isnan(sg.max([1.0, math.nan]))
    assert math.isnan(sg.min([math.nan, 1.0]))


def test_apply_takes_any_row() -> None:
    assert apply(ops.TANH, 0.5) == math.tanh(0.5)


# What to write instead


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda v: sg.tanh([v, v]),
            r"x of tanh must be a real number, not a list of 2 items: "
            r".*write \[sg.tanh\(x\) for x in xs\]",
        ),
        (lambda v: sg.tanh(np.array([1.0, 2.0])), "write \\[sg.tanh\\(x\\) for x in xs\\]"),
        (
            lambda v: v.maximum([1, 2]),
            "y of maximum .*write \\[sg.maximum\\(x, y\\) for x, y in zip\\(xs, ys\\)\\]",
        ),
        (lambda v: sg.clamp([v], 0, 1), "write \\[sg.clamp\\(x, …\\) for x in xs\\]"),
        (
            lambda v: sg.mean(np.array([[1.0, 2.0]])),
            "item 0 of mean .*write sg.mean\\(\\[x for row in rows for x in row\\]\\)",
        ),
        (
            lambda v: sg.softmax([[v, v]]),
            "item 0 of softmax .*\\[sg.softmax\\(row\\) for row in rows\\]",
        ),
        (
            lambda v: sg.max(v, 3),
            "max takes 1 argument by position, but 2 were given: .*; write sg.max\\(\\[x, y\\]\\)",
        ),
        (
            lambda v: sg.max(v),
            "max takes one list of Values and numbers, not Value: write sg.max\\(\\[x, y\\]\\)",
        ),
        (
            lambda v: sg.softmax([v], axis=0),
            "softmax has no argument 'axis'; it takes items; write sg.softmax",
        ),
        (lambda v: sg.dot([v]), "write sg.dot\\(\\[x0, x1\\], \\[y0, y1\\]\\)"),
        (lambda v: sg.std(v, v), "std takes one list"),
    ],
)
def test_an_error_says_what_to_write(call: Any, words: str) -> None:
    with pytest.raises((CallError, DataError), match=words):
        call(Value(1.0))


def test_plain_numbers_of_an_activation_stay_its_settings() -> None:
    assert sg.leaky_relu(Value(-2.0), 0.25).static_args == (None, 0.25)
    assert sg.clamp(Value(3.0), -1.0, 1.0).static_args == (None, -1.0, 1.0)


@pytest.mark.parametrize("left", [2.0, 3, True, math.inf])
@pytest.mark.parametrize(
    ("op", "operator"), [(ops.ADD, lambda a, b: a + b), (ops.MUL, lambda a, b: a * b)]
)
def test_a_number_on_the_left_is_a_constant_of_the_row(op: Op, operator: Any, left: Any) -> None:
    x = Value(-1.5)
    result = operator(left, x)
    first, second = result.args
    assert type(first) is Constant
    assert second is x
    assert result.op == op.name
    assert (result.data, result.partials) == op.at(FLOATS, [float(left), -1.5])


def test_a_derived_class_may_call_the_reflected_operators_on_values() -> None:
    class Counted(Value):
        """Its operators go through those of Value."""

        def __radd__(self, other: Any) -> Value:
            return super().__radd__(other)

        def __rmul__(self, other: Any) -> Value:
            return super().__rmul__(other)

    x = Value(2.0)
    y = Counted(3.0)
    total = x + y
    product = x * y
    assert (total.data, total.args) == (5.0, (x, y))
    assert (product.data, product.args, product.partials) == (6.0, (x, y), (3.0, 2.0))

"""A function may do anything with its arguments; numbers in, numbers out."""

import dataclasses
import threading
from collections import OrderedDict, defaultdict, namedtuple

import mpmath
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad as sg
from scalargrad import (
    Constant,
    GradientTape,
    Parameter,
    Value,
    detect_anomaly,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    no_grad,
    value_and_grad,
)
from scalargrad.core.graph import topological
from scalargrad.core.modes import current_mode
from scalargrad.core.nested import flatten
from scalargrad.errors import DataError, GraphError, UntrackedWarning
from scalargrad.nn import MLP, Neuron

Point = namedtuple("Point", "x y")


def kinds(nest):
    """The types of the numbers of a nest."""
    return {type(number) for number in flatten(nest)}


# A function may write into what it is given.


def squares_in_place(x):
    for i in range(len(x)):
        x[i] = x[i] * x[i]
    return sum(x[1:], x[0])


@pytest.mark.parametrize(
    "x", [[1.0, 2.0, 3.0], numpy.array([1.0, 2.0, 3.0])], ids=["list", "array"]
)
def test_every_transform_bears_a_function_that_writes_into_its_argument(x):
    v = [1.0, 0.0, -1.0]
    tangents = (type(x)(v) if isinstance(x, list) else numpy.array(v),)
    assert flatten(grad(squares_in_place)(x)) == [2.0, 4.0, 6.0]
    value, gradient = value_and_grad(squares_in_place)(x)
    assert (value, flatten(gradient)) == (14.0, [2.0, 4.0, 6.0])
    assert flatten(jacobian(squares_in_place)(x)) == [2.0, 4.0, 6.0]
    assert numpy.array(hessian(squares_in_place)(x)).tolist() == [[2, 0, 0], [0, 2, 0], [0, 0, 2]]
    assert jvp(squares_in_place, (x,), tangents) == (14.0, -4.0)
    assert flatten(hvp(squares_in_place, (x,), tangents)) == [2.0, 0.0, -2.0]
    assert list(x) == [1.0, 2.0, 3.0]


def sorts(x):
    x.sort(key=lambda number: -number)
    return x[0] * 10 + x[1]


def appends(x):
    x.append(x[0] * x[1])
    return x[-1] * 3


def pops(x):
    return x.pop() ** 2 + x.pop(0)


def clears(x):
    first = x[0] ** 3
    x.clear()
    return first


def swaps(x):
    x[0], x[1] = x[1], x[0]
    return x[0] ** 2 + 5 * x[1]


def extends_itself(x):
    x += [number * number for number in x]
    return x[2] + 7 * x[3]


def wraps_itself(x):
    x[0] = [x[0], x[1]]
    return x[0][0] * x[0][1]


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (sorts, [1.0, 10.0]),
        (appends, [9.0, 6.0]),
        (pops, [1.0, 6.0]),
        (clears, [12.0, 0.0]),
        (swaps, [5.0, 6.0]),
        (extends_itself, [4.0, 42.0]),
        (wraps_itself, [3.0, 2.0]),
    ],
)
def test_lists_may_be_sorted_grown_and_emptied(f, expected):
    x = [2.0, 3.0]
    assert grad(f)(x) == expected
    assert jacobian(f)(x) == expected
    assert [jvp(f, (x,), (v,))[1] for v in ([1.0, 0.0], [0.0, 1.0])] == expected
    assert x == [2.0, 3.0]


def test_one_argument_may_be_written_into_another():
    def f(a, b):
        a[1] = b
        return a[0] * 2 + a[1] * 3

    assert grad(f, (0, 1))([1.0, 2.0], 5.0) == ([2.0, 0.0], 3.0)
    by_a, by_b = grad(f, (0, 1))(numpy.array([1.0, 2.0]), 5.0)
    assert (by_a.tolist(), by_b) == ([2.0, 0.0], 3.0)


def test_rows_of_dicts_and_slices_of_arrays_may_be_written():
    def f(tree):
        tree["w"][0].append(tree["w"][0][0] ** 2)
        tree["A"][:, 1] = tree["A"][:, 0] * 3
        tree["gone"] = tree.pop("b")
        return tree["w"][0][1] + tree["A"].sum() * tree["gone"]

    tree = {"w": [[3.0]], "A": numpy.ones((2, 2)), "b": 2.0}
    found = grad(f)(tree)
    assert (found["w"], found["b"], found["A"].tolist()) == ([[6.0]], 8.0, [[8, 0], [8, 0]])
    assert (tree["w"], tree["b"], tree["A"].tolist()) == ([[3.0]], 2.0, [[1, 1], [1, 1]])
    assert list(tree) == ["w", "A", "b"]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["mul", "add", "swap", "append", "pop", "sort", "reverse"]),
        *[st.integers(0, 5)] * 3,
    ),
    max_size=8,
)


def run(steps, x):
    """A program of writes, on any kind of number."""
    for step, i, j, k in steps:
        i, j, k = (index % len(x) for index in (i, j, k))
        if step == "mul":
            x[i] = x[j] * x[k] / 2
        elif step == "add":
            x[i] = x[j] + x[k] * 3
        elif step == "swap":
            x[i], x[j] = x[j], x[i]
        elif step == "append" and len(x) < 6:
            x.append(x[i] * x[j] / 4)
        elif step == "pop" and len(x) > 1:
            x.pop(i)
        elif step == "sort":
            x.sort(key=float)
        elif step == "reverse":
            x.reverse()
    total = 0
    for index, number in enumerate(x):
        total = total + (index + 1) * number
    return total


@given(STEPS)
def test_programs_of_writes_agree_with_mpmath(steps):
    at = [0.5, -1.25, 0.75]
    with mpmath.workdps(40):
        points = [mpmath.mpf(number) for number in at]
        exact = [
            float(
                mpmath.diff(
                    lambda *x: run(steps, list(x)), points, tuple(int(i == j) for j in range(3))
                )
            )
            for i in range(3)
        ]
    assert grad(lambda x: run(steps, x))(at) == pytest.approx(exact, rel=1e-9, abs=1e-9)


def test_a_result_that_the_function_keeps_and_changes_later():
    out = []

    def f(x):
        out.clear()
        out.extend([x * x, x * 3])
        return out

    assert jacobian(f)(2.0) == [4.0, 3.0]
    first, second = jvp(f, (2.0,), (1.0,)), jvp(f, (3.0,), (1.0,))
    assert (first, second) == (([4.0, 6.0], [4.0, 3.0]), ([9.0, 9.0], [6.0, 3.0]))


def test_a_hook_that_empties_the_result_changes_nothing():
    out = []

    def f(x):
        y = x * x
        y.register_hook(lambda _gradient: out.clear())
        out.append(y)
        return out

    assert jacobian(f)(3.0) == [6.0]


def test_an_argument_handed_back_is_a_result_like_any_other():
    def f(x):
        x[0] = x[0] * x[1]
        return x

    assert jacobian(f)([2.0, 3.0]) == [[3.0, 2.0], [0.0, 1.0]]
    assert jacobian(f)(numpy.array([2.0, 3.0])).tolist() == [[3.0, 2.0], [0.0, 1.0]]


def test_a_container_in_two_places_is_two_arguments():
    """As for central differences, which move one place at a time."""

    def f(rows):
        rows[0][0] = rows[0][0] * 2
        return rows[0][0] * rows[1][0]

    row = [3.0]
    assert grad(f)([row, row]) == [[6.0], [6.0]]
    assert grad(lambda a, b: f([a, b]), (0, 1))(row, row) == ([6.0], [6.0])
    array = numpy.array([3.0])
    assert [g.tolist() for g in grad(f)([array, array])] == [[6.0], [6.0]]
    assert sg.numerical_gradient(f, [row, row]) == [pytest.approx([6.0]), pytest.approx([6.0])]
    assert row == [3.0]


def into_an_array_of_floats(x):
    out = numpy.zeros(2)
    out[0] = x[0] * x[1]
    return out.sum()


def into_a_slice_of_floats(x):
    out = numpy.zeros(2)
    out[:] = [x[0], x[1]]
    return out.sum()


@pytest.mark.parametrize(
    "f",
    [
        into_an_array_of_floats,
        into_a_slice_of_floats,
        lambda x: numpy.asarray(x, dtype=float).sum(),
        lambda x: x.astype(float).sum(),
        lambda x: numpy.array([x[0], x[1]], float).sum(),
        lambda x: numpy.float64(x[0]),
        lambda x: numpy.interp(x[0], [0.0, 5.0], [0.0, 10.0]),
    ],
)
def test_numbers_that_numpy_takes_out_of_the_graph_are_told_of(f):
    """Nothing could be derived from them: the gradient would be 0 without a word."""
    with pytest.warns(UntrackedWarning, match="dtype=object"):
        grad(f)(numpy.array([2.0, 3.0]))


def test_conversions_that_are_meant_are_not():
    seen, log = [], numpy.zeros(1)

    def f(x):
        seen.append(float(x[0]))
        seen.append(sorted(x, key=float))
        out = numpy.empty(2, dtype=object)
        out[0] = x[0] * x[1]
        out[1] = x[1]
        return out.sum()

    assert grad(f)(numpy.array([2.0, 3.0])).tolist() == [3.0, 3.0]
    log[0] = Value(1.0) * 2  # nobody differentiates here
    assert (seen[0], log[0]) == (2.0, 2.0)


def test_kinds_of_containers_are_kept():
    def f(tree):
        tree["counts"]["missing"] += 1.0
        tree["order"].move_to_end("a")
        return tree["counts"]["n"] ** 2 + tree["order"]["a"] * tree["point"].y

    counts = defaultdict(float, n=3.0)
    tree = {"counts": counts, "order": OrderedDict(a=2.0, b=1.0), "point": Point(1.0, 5.0)}
    found = grad(f)(tree)
    assert found == {"counts": {"n": 6.0}, "order": {"a": 5.0, "b": 0.0}, "point": Point(0.0, 2.0)}
    assert [type(part) for part in found.values()] == [defaultdict, OrderedDict, Point]
    assert list(counts) == ["n"]


# Numbers in, numbers out.


@pytest.mark.parametrize(
    "x",
    [2.0, 2, True, numpy.float32(2.0), numpy.int64(2), numpy.array(2.0), numpy.array(2)],
    ids=repr,
)
def test_a_number_gives_a_float(x):
    value, gradient = value_and_grad(lambda x: x**3)(x)
    assert (value, gradient) == (float(x) ** 3, 3.0 * float(x) ** 2)
    assert (type(value), type(gradient)) == (float, float)


@pytest.mark.parametrize("dtype", [float, "float32", int, bool, object])
def test_an_array_gives_an_array_of_float64(dtype):
    x = numpy.array([[1, 0], [1, 1]]).astype(dtype)
    found = grad(lambda x: (x * x).sum())(x)
    assert (found.dtype, found.tolist()) == (numpy.float64, [[2.0, 0.0], [2.0, 2.0]])


def test_an_array_without_numbers_stays_one():
    found = grad(lambda x: sg.sum([*x, 1.0]))(numpy.zeros(0))
    assert (found.shape, found.dtype) == ((0,), numpy.float64)


def test_a_step_of_descent_on_an_array_of_floats():
    w = numpy.array([1.0, 2.0])
    w -= 0.25 * grad(lambda w: numpy.sum(w**2))(w)
    assert w.tolist() == [0.5, 1.0]


def test_a_gradient_can_be_compared_as_numpy_does():
    x = numpy.array([0.5, -1.0])
    slopes = grad(lambda x: numpy.sum(numpy.tanh(x)))(x)
    assert numpy.allclose(slopes, 1.0 - numpy.tanh(x) ** 2)
    assert numpy.isfinite(slopes).all()


A = numpy.array([[3.0, 1.0], [1.0, 2.0]])


@pytest.mark.parametrize(
    ("f", "exact"),
    [
        (lambda x: x @ A @ x, lambda x: 2 * A @ x),
        (lambda x: numpy.dot(x, A @ x), lambda x: 2 * A @ x),
        (lambda x: numpy.sum(numpy.exp(x)), numpy.exp),
        (lambda x: numpy.sum(numpy.log(x) * x), lambda x: numpy.log(x) + 1),
        (lambda x: numpy.sum(numpy.sqrt(x)), lambda x: 0.5 / numpy.sqrt(x)),
        (lambda x: numpy.mean(x**2), lambda x: x),
        (lambda x: numpy.prod(x), lambda x: x[::-1]),
        (lambda x: numpy.linalg.norm(x), lambda x: x / numpy.linalg.norm(x)),
        (lambda x: numpy.sum(numpy.abs(x - 1.0)), lambda x: numpy.sign(x - 1.0)),
        (lambda x: numpy.sum(numpy.maximum(x, 1.0) ** 2), lambda x: 2 * x * (x > 1)),
        (
            lambda x: numpy.sum(numpy.where(x > 1.0, x**2, x)),
            lambda x: numpy.where(x > 1, 2 * x, 1),
        ),
        (lambda x: numpy.outer(x, x).sum(), lambda x: 2 * x.sum() + 0 * x),
        (lambda x: numpy.einsum("i,ij,j->", x, A, x), lambda x: 2 * A @ x),
        (lambda x: numpy.concatenate([x, x * 2]).sum(), lambda x: 3 + 0 * x),
        (lambda x: numpy.cumsum(x)[-1] * x[0], lambda x: numpy.array([2 * x[0] + x[1], x[0]])),
        (lambda x: sg.logsumexp(list(x)), lambda x: numpy.exp(x) / numpy.exp(x).sum()),
    ],
)
def test_functions_written_for_numpy(f, exact):
    """They give a float for floats, and their gradient is an array of floats."""
    x = numpy.array([0.75, 1.5])
    assert isinstance(f(x), float)
    found = grad(f)(x)
    assert found.dtype == numpy.float64
    numpy.testing.assert_allclose(found, exact(x), rtol=1e-12)


def test_values_give_values():
    assert type(grad(lambda x: x * x)(Value(3.0))) is Value
    assert kinds(grad(lambda p: p[0] * 2 + p[1])([Value(3.0), 1.0])) == {Value, Constant}
    assert kinds(jvp(lambda x: x * 2, (3.0,), (Value(1.0),))) == {Value}
    assert grad(lambda x: (x * x).sum())(numpy.array([Value(1.0), Value(2.0)])).dtype == object
    assert type(grad(lambda x: x * x)(Constant(3.0))) is Value


OWN = Parameter(4.0, label="w")


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: grad(lambda x: x * x * OWN)(2.0), {Value}),
        (lambda: grad(lambda x: x * x + OWN)(2.0), {float}),
        (lambda: value_and_grad(lambda x: x * x + OWN)(2.0), {Value}),
        (lambda: grad(lambda x, w: x * x * w)(2.0, OWN), {Value}),
        (lambda: grad(lambda x, w: x * x + w)(2.0, Value(1.0)), {float}),
        (lambda: grad(lambda x, w: x * x * w)(2.0, w=Value(1.0)), {Value}),
        (lambda: jacobian(lambda x: [x[0] * x[1], x[0] * OWN])([1.0, 2.0]), {Value, Constant}),
        (lambda: hessian(lambda x: x**3 * OWN)(1.0), {Value}),
        (lambda: hessian(lambda x: x**3 + x * OWN)(1.0), {float}),
        (lambda: hvp(lambda x: x**3 + x * OWN, (1.0,), (1.0,)), {float}),
        (lambda: hvp(lambda x: x**3 * OWN, (1.0,), (1.0,)), {Value}),
        (lambda: jvp(lambda x: x * OWN, (1.0,), (1.0,)), {Value}),
        (lambda: grad(lambda x: x * Constant(3.0))(2.0), {float}),
        (lambda: grad(lambda x: x * 3 + 1)(2.0), {float}),
        (lambda: grad(lambda x: x * sg.nn.Dropout(0.5, seed=1)([x])[0])(2.0), {float}),
    ],
)
def test_a_result_holds_values_where_it_depends_on_one_from_elsewhere(call, expected):
    assert kinds(call()) <= expected


def test_a_value_that_a_hook_brings_in_counts_as_well():
    def f(x):
        y = x * x
        y.register_hook(lambda gradient: gradient * OWN)
        return y * 1.0

    found = grad(f)(3.0)
    assert (found.data, type(found)) == (24.0, Value)


def test_what_is_made_inside_no_grad_in_the_function_is_a_number():
    def f(x):
        with no_grad():
            scale = x * 3
        return x * scale

    assert grad(f)(2.0) == 6.0


@pytest.mark.parametrize("x", [-2.0, 0.0, 2.0])
def test_the_type_of_a_result_does_not_change_with_the_numbers(x):
    """A loss that uses the derivative of a network works where a ReLU is off, too."""
    assert isinstance(grad(lambda x: sg.relu(OWN * x))(x), Value)
    assert isinstance(grad(lambda x: OWN * sg.relu(x))(x), Value)
    assert isinstance(grad(lambda x: sg.where(x > 0, OWN * x, x))(x), Value)
    assert isinstance(grad(lambda x: sg.relu(x) + OWN)(x), float)


def test_that_question_reaches_neither_a_tape_nor_a_detector():
    def f(x):
        return sg.relu(sg.sqrt(OWN * x * 0.0 + 0.25) - 1.0)

    with GradientTape() as tape:
        assert isinstance(grad(f)(2.0), Constant)
        nodes = [entry.op for entry in tape._log]
    assert nodes == ["mul", "mul", "add", "sqrt", "sub", "relu"]
    with detect_anomaly():
        assert grad(f)(2.0).data == 0.0


def test_a_node_made_by_hand_behind_a_branch_not_taken_is_no_obstacle():
    def f(x):
        mine = Value(x.data * OWN.data, (x, OWN), "mine", partials=(OWN.data, x.data))
        return sg.relu(mine - 100.0)

    found = grad(f)(2.0)
    assert (found.data, type(found)) == (0.0, Constant)
    with pytest.raises(GraphError, match="only numbers can flow back"):
        grad(f)(200.0)


# Nested transforms: an argument of the outer one is a Value to the inner one, the result a float.


def test_two_levels():
    assert grad(lambda y: grad(lambda x: x * x * y)(2.0))(3.0) == 4.0
    assert grad(lambda y: value_and_grad(lambda x: x * x * y)(2.0)[0])(3.0) == 4.0
    assert grad(lambda y: y * grad(lambda x: x * x)(2.0))(3.0) == 4.0


def test_three_levels():
    def by_z(z):
        return grad(lambda y: grad(lambda x: x * x * y * y * z * z)(2.0))(3.0)

    assert grad(by_z)(5.0) == 2 * 2 * 2 * 3 * 2 * 5
    assert type(grad(by_z)(5.0)) is float


def test_forward_in_reverse_and_reverse_in_forward():
    assert grad(lambda x: jvp(lambda y: y * y * x, (2.0,), (1.0,))[1])(3.0) == 4.0
    assert jvp(lambda x: grad(lambda y: y * y * x)(2.0), (3.0,), (1.0,)) == (12.0, 4.0)
    assert grad(lambda t: jvp(lambda y: y * y, (2.0,), (t,))[1])(3.0) == 4.0
    assert hvp(lambda x: grad(lambda y: x**3 * y)(1.0), (2.0,), (1.0,)) == 12.0


def test_the_jacobian_of_a_gradient_is_the_hessian():
    def f(x):
        return x[0] ** 2 * x[1] + sg.sin(x[1])

    at = numpy.array([3.0, 0.5])
    second = jacobian(grad(f))(at)
    assert (second.dtype, second.shape) == (numpy.float64, (2, 2))
    numpy.testing.assert_allclose(second, [[1.0, 6.0], [6.0, -numpy.sin(0.5)]], rtol=1e-14)
    numpy.testing.assert_array_equal(second, hessian(f)(at))


def test_an_outer_value_in_the_closure():
    y = Value(3.0)
    found = grad(lambda x: x * x * y)(2.0)
    found.backward()
    assert (found.data, y.grad) == (12.0, 4.0)
    assert grad(lambda v: grad(lambda x: x * x * y * v)(2.0))(1.0).data == 12.0


def test_a_derivative_in_a_loss_learns():
    """d/dw (w·2x - 1)² at x = 0.5: the derivative of a model is one of its outputs."""
    w = Parameter(3.0)
    loss = (grad(lambda x: w * x * x)(0.5) - 1.0) ** 2
    loss.backward()
    assert w.grad == 2 * (3.0 - 1.0)


def test_a_network_learns_from_second_derivatives():
    net = MLP(1, [4, 1], "tanh", seed=3)
    curvature = grad(grad(lambda x: net([x])))(0.3)
    (curvature**2).backward()
    assert all(parameter.grad for layer in net.layers[:1] for parameter in layer.parameters())
    step, parameter = 1e-5, net.layers[0].neurons[0].weights[0]

    def loss_at(number):
        parameter.data = number
        return grad(grad(lambda x: net([x])))(0.3).data ** 2

    at = parameter.data
    numeric = (loss_at(at + step) - loss_at(at - step)) / (2 * step)
    assert parameter.grad == pytest.approx(numeric, rel=1e-6)


def test_inside_no_grad_everything_is_a_float():
    x = Value(2.0)
    with no_grad():
        assert grad(lambda v: v**3 * OWN)(2.0) == 48.0
        assert grad(lambda v: v**3)(x) == 12.0
        assert grad(lambda y: grad(lambda v: v * v * y)(2.0))(3.0) == 4.0
        assert jvp(lambda v: [v * OWN], (x,), (x,)) == ([8.0], [8.0])
        assert hessian(lambda v: v[0] ** 2 * OWN)([x]) == [[8.0]]


def test_leaves_of_plain_numbers_are_constants_in_the_graph():
    found = grad(lambda x: x * x * OWN)(2.0)
    leaves = {type(leaf) for leaf in topological([found]) if not leaf.args}
    assert leaves == {Parameter, Constant}


# What watches around.


def test_a_tape_around_has_nothing_to_watch_in_plain_numbers():
    with GradientTape() as tape:
        grad(lambda x: x**3)(2.0)
        y = OWN * 2
    assert tape.watched_variables() == (OWN,)
    assert tape.gradient(y, OWN).data == 2.0


def test_a_tape_around_a_function_that_raises_watches_nothing_either():
    def fails(x):
        raise KeyError(x * 2)

    with GradientTape() as tape, pytest.raises(KeyError):
        grad(fails)(2.0)
    assert tape.watched_variables() == ()


def test_a_tape_differentiates_a_derivative_by_the_value_it_took_from_elsewhere():
    w = Value(3.0)
    with GradientTape() as tape:
        y = grad(lambda x: x * x * w * w)(2.0)
    assert tape.gradient(y, w).data == 24.0


@pytest.mark.parametrize("transform", [grad, value_and_grad, jacobian, hessian])
def test_a_function_that_raises_leaves_everything_as_it_was(transform):
    x, w = Value(2.0), Value(5.0)
    x.grad, w.grad = 0.25, 0.5
    numbers = [1.0, x]
    mode = current_mode()

    def fails(nest):
        nest[0] = nest[0] * w
        nest.append(nest[1] * w)
        raise KeyError

    with pytest.raises(KeyError):
        transform(fails)(numbers)
    with pytest.raises(KeyError):
        jvp(fails, (numbers,), (numbers,))
    assert current_mode() is mode
    assert (numbers, x.grad, w.grad, x.args) == ([1.0, x], 0.25, 0.5, ())


def test_a_node_that_was_made_before_the_error_depends_on_the_argument():
    x, seen = Value(2.0), []

    def fails(v):
        seen.append(v * 3)
        raise KeyError

    with pytest.raises(KeyError):
        grad(fails)(x)
    assert seen[0].args[0] is x


def test_one_transform_in_several_threads():
    slope = grad(squares_in_place)
    found = {}

    def work(number):
        for _ in range(50):
            found[number] = slope([float(number), 2.0])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: [2.0 * number, 4.0] for number in range(4)}


class Money(Value):
    """A user's own Value, with a method and an attribute."""

    def __init__(self, data, currency):
        super().__init__(data)
        self.currency = currency

    def doubled(self):
        return self * 2 if self.currency == "€" else self * 0


def test_a_placeholder_is_of_the_class_of_a_users_own_value():
    assert float(grad(lambda m: m.doubled() * m)(Money(3.0, "€"))) == 12.0


# What NumPy reads as an array, and what it does not.


def test_a_series_and_a_frame_are_arrays():
    pandas = pytest.importorskip("pandas")
    series = pandas.Series([1.0, 2.0], index=["a", "b"])
    assert grad(lambda s: (s * s).sum())(series).tolist() == [2.0, 4.0]
    frame = pandas.DataFrame({"p": [1, 2], "q": [3.0, 4.0]})
    assert grad(lambda f: (f * f).sum())(frame).tolist() == [[2.0, 6.0], [4.0, 8.0]]
    with pytest.raises(DataError, match=r"grad: s\[0\] as an argument .* not str 'a'"):
        grad(lambda s: s[0])(pandas.Series(["a"]))


def test_a_tensor_is_an_array():
    torch = pytest.importorskip("torch")
    assert grad(lambda t: (t * t).sum())(torch.tensor([1.0, 2.0])).tolist() == [2.0, 4.0]
    assert grad(lambda t: t * t)(torch.tensor(3.0)) == 6.0
    with pytest.raises(DataError, match="grad: t holds a Tensor that NumPy can't read"):
        grad(lambda t: t.sum())(torch.tensor([1.0], requires_grad=True))


@dataclasses.dataclass
class Weights:
    w: float


ITSELF = [1.0]
ITSELF.append(ITSELF)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ("text", "grad: x as an argument to differentiate by must be a real number, not str"),
        ([1.0, {"w": "text"}], r"grad: x\[1\]\['w'\] as an argument"),
        ({1.0}, "not set"),
        (numpy.array(["a"]), "grad: x holds an array of text"),
        (numpy.array([1j]), "grad: x holds an array of complex numbers"),
        (numpy.array(["2020-01-01"], dtype="M8[ns]"), "grad: x holds an array of dates"),
        (numpy.array("2020-01-01", dtype="M8[ns]"), "grad: x holds an array of dates"),
        (numpy.array([1], dtype="m8[ns]"), "grad: x holds an array of spans of time"),
        (numpy.ma.masked_array([1.0, 2.0], [False, True]), "grad: x holds a masked array: fill"),
        (numpy.array([[1.0]]).view(numpy.matrix), "grad: x holds a matrix, whose rules"),
        (numpy.array([(1.0,)], dtype=[("a", float)]), "grad: x holds an array of items of type"),
        (Weights(1.0), "grad: x holds a Weights, and a dataclass is not a tree"),
        (ITSELF, "grad: x has a list that contains itself"),
        (Neuron(1), "grad: x is a Neuron, not a number .* call backward"),
        ([1.0, Neuron(1)], r"grad: x\[1\] is a Neuron"),
        (10**400, "too large"),
    ],
)
def test_what_is_no_number_to_differentiate_by_is_refused_in_words(x, words):
    with pytest.raises(DataError, match=words):
        grad(lambda x: x)(x)


def test_jvp_and_hvp_name_themselves_and_what_they_were_given():
    with pytest.raises(DataError, match=r"jvp: primals\[0\] as an argument"):
        jvp(lambda x: x, ("a",), (1.0,))
    with pytest.raises(DataError, match="jvp: a tangent must be a real number, not str"):
        jvp(lambda x: x, (1.0,), ("a",))
    with pytest.raises(DataError, match=r"hvp: primals\[0\] as an argument"):
        hvp(lambda x: x, ("a",), (1.0,))


def test_what_a_function_returns_is_checked_as_well():
    with pytest.raises(
        DataError, match="jacobian: what the function returns holds an array of text"
    ):
        jacobian(lambda _x: numpy.array(["a"]))(1.0)
    with pytest.raises(DataError, match="holds a Weights, and a dataclass"):
        jacobian(lambda x: Weights(x))(1.0)

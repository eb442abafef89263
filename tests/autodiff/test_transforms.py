"""The transforms against mpmath, closed forms, JAX's documentation, and PyTorch if installed."""

import gc
import math
import weakref
from typing import Any

import mpmath
import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
from scalargrad import Parameter, Value, grad, hessian, hvp, jacobian, jvp, value_and_grad
from scalargrad.core.graph import topological
from scalargrad.core.nested import flatten
from scalargrad.errors import CallError, DataError, GraphError, LengthError, OptionError
from scalargrad.nn import MLP

mpmath.mp.dps = 60


def numbers(nest):
    """A nest of Values or floats as a nest of floats."""
    if isinstance(nest, dict):
        return {key: numbers(part) for key, part in nest.items()}
    if isinstance(nest, list | tuple):
        return type(nest)(numbers(part) for part in nest)
    if isinstance(nest, numpy.ndarray):
        return numpy.vectorize(float, otypes=[float])(nest)
    return nest if nest is None else float(nest)


def derivative(f, order):
    for _ in range(order):
        f = grad(f)
    return f


# Each function is written once and evaluated with scalargrad and with mpmath: m is the namespace.
FUNCTIONS = {
    "tanh of a product": (lambda m, x: m.tanh(x * x * 0.5 + 0.3 * x), 0.7),
    "sin of exp": (lambda m, x: m.sin(m.exp(0.5 * x)) / (1 + x * x), 0.9),
    "log and sqrt": (lambda m, x: m.log(1 + m.sqrt(x)) * x**3, 1.7),
    "power of itself": (lambda _m, x: x**x, 1.3),
    "atan of a quotient": (lambda m, x: m.atan((1 - x) / (2 + x)), 0.4),
    "bell": (lambda m, x: m.exp(-(x * x)) * m.cos(3 * x), -0.6),
    "error function": (lambda m, x: m.erf(x) * m.sinh(x), 0.8),
    "shared parts": (lambda m, x: (m.sin(x) + x) * m.sin(x) - m.sin(x) ** 2 / x, 2.1),
}


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_of_each_order_agree_with_mpmath(name, order):
    f, x = FUNCTIONS[name]
    expected = float(mpmath.diff(lambda x: f(mpmath, x), mpmath.mpf(x), order))
    # Up to 2^order products are summed, each rounded: 1e-12 of the derivative allows for moderate
    # cancellation.
    assert derivative(lambda x: f(sg, x), order)(x) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_forward_mode_and_hvp_agree_with_mpmath(name):
    f, x = FUNCTIONS[name]
    first, second = (
        float(mpmath.diff(lambda x: f(mpmath, x), mpmath.mpf(x), order)) for order in (1, 2)
    )
    value, tangent = jvp(lambda x: f(sg, x), (x,), (3.0,))
    assert value == pytest.approx(float(f(mpmath, mpmath.mpf(x))), rel=1e-13)
    assert tangent == pytest.approx(3.0 * first, rel=1e-12)
    assert hvp(lambda x: f(sg, x), (x,), (3.0,)) == pytest.approx(3.0 * second, rel=1e-12)


def test_mixed_derivatives_agree_with_mpmath():
    def f(m, x, y, z):
        return m.exp(x * y) * m.sin(z) + x / (y + z * z)

    at = (0.3, 1.2, 0.5)
    exact = [
        [float(mpmath.diff(lambda *a: f(mpmath, *a), at, orders(i, j))) for j in range(3)]
        for i in range(3)
    ]
    found = hessian(lambda *a: f(sg, *a), (0, 1, 2))(*at)
    assert [entry for row in found for entry in row] == pytest.approx(
        [e for row in exact for e in row], rel=1e-12
    )


def orders(i, j):
    return tuple((k == i) + (k == j) for k in range(3))


def test_jax_hessian_example():
    """The example in the documentation of jax.hessian."""
    found = hessian(lambda x: x[0] ** 3 - 2 * x[0] * x[1] - x[1] ** 6)(numpy.array([1.0, 2.0]))
    assert found.shape == (2, 2)
    numpy.testing.assert_allclose(numbers(found), [[6.0, -2.0], [-2.0, -480.0]], rtol=1e-14)


def test_argnums_gives_one_gradient_or_a_tuple():
    def f(x, y, scale=1.0):
        return x**2 * y * scale

    assert grad(f)(3.0, 5.0) == 30.0
    assert grad(f, 1)(3.0, 5.0) == 9.0
    assert grad(f, -1)(3.0, 5.0) == 9.0
    assert numbers(grad(f, (1, 0))(3.0, 5.0, scale=2.0)) == (18.0, 60.0)
    assert numbers(grad(f, (0,))(3.0, 5.0)) == (30.0,)
    value, gradient = value_and_grad(f, [0, 1])(3.0, 5.0)
    assert (value, gradient) == (45.0, (30.0, 9.0))


def test_argnums_may_be_any_whole_numbers():
    def f(x, y):
        return x**2 * y

    assert grad(f, numpy.int64(1))(3.0, 5.0) == 9.0
    assert grad(f, range(2))(3.0, 5.0) == (30.0, 9.0)
    assert value_and_grad(f, ())(3.0, 5.0) == (45.0, ())


def test_a_position_named_twice_gives_its_gradient_twice():
    def f(x, y):
        return x**2 * y

    assert grad(f, (0, 0))(3.0, 5.0) == (30.0, 30.0)
    assert grad(f, (1, -1))(3.0, 5.0) == (9.0, 9.0)
    assert hessian(f, (0, -2))(3.0, 5.0) == ((10.0, 10.0), (10.0, 10.0))


def test_other_arguments_are_passed_on_as_they_are():
    net, log, text = MLP(1, [1], activation=None, seed=1), [], "twice"
    seen = []

    def f(x, *others, **options):
        seen.extend([*others, options["key"]])
        log.append(1.0)
        return net([x]) * 2

    slope = grad(f)(3.0, net, log, text, None, key=net)
    assert [id(thing) for thing in seen] == [id(thing) for thing in (net, log, text, None, net)]
    assert slope.data == 2 * net.layers[0].neurons[0].weights[0].data
    assert log == [1.0]


def test_gradients_have_the_structure_of_their_argument():
    def f(tree):
        return tree["w"][0] * tree["w"][1][0] + 2 * tree["b"]

    found = grad(f)({"w": [2.0, (3.0, 4)], "b": Value(1.0), "none": None})
    assert numbers(found) == {"w": [3.0, (2.0, 0.0)], "b": 2.0, "none": None}
    assert type(found["w"][1]) is tuple


def test_arrays_give_arrays_of_floats():
    weights, x = numpy.arange(6.0).reshape(2, 3) / 10, numpy.array([1, -1, 2])
    found = grad(lambda w, x: numpy.tanh(w @ x).sum(), (0, 1))(weights, x)
    slopes = 1 - numpy.tanh(weights @ x) ** 2
    assert (found[0].dtype, found[1].dtype, found[1].shape) == (float, float, (3,))
    numpy.testing.assert_allclose(numbers(found[0]), numpy.outer(slopes, x), rtol=1e-12)
    numpy.testing.assert_allclose(numbers(found[1]), slopes @ weights, rtol=1e-12)
    assert weights.dtype == float
    assert grad(lambda x: x * x)(numpy.array(3.0)) == 6.0
    assert grad(lambda x: x * x)(numpy.float32(3.0)) == 6.0


def test_jacobian_is_the_tree_product_of_outputs_and_arguments():
    def f(x, y):
        return {"p": x[0] * y, "q": (x[1], 7.0)}

    found = jacobian(f, (0, 1))([2.0, 3.0], 5.0)
    assert numbers(found) == {"p": ([5.0, 0.0], 2.0), "q": (([0.0, 1.0], 0.0), ([0.0, 0.0], 0.0))}


def test_jacobian_of_arrays_joins_the_shapes():
    matrix = numpy.arange(6.0).reshape(2, 3)
    found = jacobian(lambda x: matrix @ x)(numpy.ones(3))
    numpy.testing.assert_array_equal(numbers(found), matrix)
    mixed = jacobian(lambda x: numpy.array([x["a"] * 2, x["b"][1] * x["a"]]))(
        {"a": 3.0, "b": numpy.array([4.0, 5.0])}
    )
    numpy.testing.assert_array_equal(numbers(mixed["a"]), [2.0, 5.0])
    numpy.testing.assert_array_equal(numbers(mixed["b"]), [[0.0, 0.0], [0.0, 3.0]])
    assert hessian(lambda m: (m * m).sum())(matrix).shape == (2, 3, 2, 3)


def test_inner_derivatives_are_not_confused_with_outer_ones():
    """d/dx x·(d/dy x·y at y = x) is d/dx x·x: to the inner function, x is a constant."""
    x = Value(3.0)
    assert grad(lambda x: x * grad(lambda y: x * y)(x))(x).data == 6.0
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0) == 1.0
    assert grad(lambda y: x * y)(x).data == 3.0
    assert jvp(lambda x: jvp(lambda y: x * y, (x,), (1.0,))[1], (x,), (1.0,))[1].data == 1.0


def test_one_value_in_two_places_is_two_arguments():
    v = Value(3.0)
    assert grad(lambda a, b: a * a * b)(v, v).data == 18.0
    assert numbers(grad(lambda p: p[0] * p[0] * p[1])([v, v])) == [18.0, 9.0]


def test_results_are_graphs_over_the_arguments_given():
    x, y = Value(2.0, label="x"), Parameter(3.0, label="y")
    value, gradient = value_and_grad(lambda x, y: x**3 * y)(x, y)
    assert {node.label for node in topological([value, gradient]) if node.label} == {"x", "y"}
    assert {x, y} <= set(topological([gradient]))
    gradient.backward()
    assert (x.grad, y.grad) == (36.0, 12.0)


def test_nothing_is_mutated():
    x, w = Value(2.0), Value(5.0)
    x.grad, w.grad = 0.25, 0.5
    for transform in (grad, value_and_grad, jacobian, hessian):
        transform(lambda x: sg.tanh(x * w) * x)(x)
    jvp(lambda x: x * w, (x,), (w,))
    hvp(lambda x: x * x * w, (x,), (w,))
    assert (x.grad, w.grad, x.args, x.label) == (0.25, 0.5, (), "")


def test_a_gradient_is_never_one_of_the_nodes_of_the_function():
    """Whoever labels or changes a result must not change an argument."""
    x, y = Value(2.0), Value(3.0)
    assert grad(lambda x, y: x * y)(x, y) is not y
    assert jvp(lambda x: x * y, (x,), (1.0,))[1] is not y
    assert jvp(lambda x: x + 1.0, (x,), (y,))[1] is not y


def test_unconnected_arguments_and_plain_results_give_zero():
    assert numbers(grad(lambda x, _y: x * 2.0, (0, 1))(1.0, [2.0, 3.0])) == (2.0, [0.0, 0.0])
    value, gradient = value_and_grad(lambda _x: 7)(1.0)
    assert (value, gradient, type(gradient)) == (7.0, 0.0, float)
    assert grad(lambda x: x.detach() * 3)(1.0) == 0.0
    assert hessian(lambda x: 3 * x)(1.0) == 0.0
    assert numbers(jvp(lambda x: [x, 1], (2.0,), (0.0,))) == ([2.0, 1.0], [0.0, 0.0])


def test_branches_not_taken_give_exact_zeros_at_any_order():
    def safe(x):
        return sg.where(x > 0, sg.log(x), 2.0 * x)

    assert [derivative(safe, order)(-1.0) for order in (1, 2)] == [2.0, 0.0]
    assert [derivative(safe, order)(2.0) for order in (1, 2)] == [0.5, -0.25]


def test_jvp_follows_tangents_that_are_values():
    x, v = Value(2.0), Value(3.0)
    tangent = jvp(lambda x: x**3, (x,), (v,))[1]
    tangent.backward()
    assert (tangent.data, x.grad, v.grad) == (36.0, 36.0, 12.0)


def test_jvp_matches_dicts_by_key():
    primals, tangents = ({"a": 2.0, "b": 3.0},), ({"b": 10.0, "a": 1.0},)
    assert jvp(lambda d: d["a"] * d["b"], primals, tangents)[1] == 23.0


def entries_of_rows(second):
    """The Hessian by ([x0, x1], y) as three rows: JAX nests arguments in arguments."""
    (row_0, row_1), row_2 = second
    return [flatten(row) for row in (row_0, row_1, row_2)]


def test_hvp_is_the_hessian_times_the_vector():
    def f(x, y):
        return sg.sin(x[0] * y) * x[1] + y**3

    primals, tangents = ([0.5, 2.0], 1.5), ([1.0, -2.0], 0.5)
    rows = entries_of_rows(hessian(f, (0, 1))(*primals))
    expected = [sum(h * t for h, t in zip(row, flatten(tangents), strict=True)) for row in rows]
    found = hvp(f, primals, tangents)
    assert flatten(found) == pytest.approx(expected, rel=1e-12)
    assert hvp(lambda x: x**3, (2.0,), (1.0,)) == 12.0


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.lists(st.floats(-2, 2), min_size=2, max_size=5), st.data())
def test_forward_and_reverse_mode_agree(x, data):
    v = data.draw(st.lists(st.floats(-2, 2), min_size=len(x), max_size=len(x)))

    def f(x):
        return sg.tanh(sg.dot(x, x)) + sg.logsumexp(x) * x[0]

    forward = jvp(f, (x,), (v,))[1]
    reverse = math.fsum(g * t for g, t in zip(grad(f)(x), v, strict=True))
    assert forward == pytest.approx(reverse, rel=1e-10, abs=1e-12)


@settings(derandomize=True, deadline=None, max_examples=25)
@given(st.lists(st.floats(0.1, 2), min_size=2, max_size=4))
def test_hessians_are_symmetric(x):
    rows = numbers(hessian(lambda x: sg.prod(x) * sg.sin(x[0]) / sg.sum(x))(x))
    numpy.testing.assert_allclose(rows, numpy.transpose(rows), rtol=1e-10, atol=1e-12)


def chain(x, length=20_000):
    for _ in range(length):
        x = sg.sin(x)
    return x


def test_deep_graphs_need_no_recursion():
    slope, curve, x = 1.0, 0.0, 0.5
    for _ in range(20_000):  # the chain rule by hand: s' = cos·s, c' = cos·c - sin·s²
        slope, curve, x = (
            math.cos(x) * slope,
            math.cos(x) * curve - math.sin(x) * slope**2,
            math.sin(x),
        )
    value, gradient = value_and_grad(chain)(0.5)
    assert (value, gradient) == pytest.approx((x, slope), rel=1e-9)
    assert jvp(chain, (0.5,), (1.0,))[1] == pytest.approx(slope, rel=1e-9)
    del gradient, value
    assert hvp(chain, (0.5,), (1.0,)) == pytest.approx(curve, rel=1e-8)


def test_graphs_are_freed_without_the_garbage_collector():
    gc.collect()
    gc.disable()
    try:
        x, nodes = Value(0.5), []

        def f(x):
            y = sg.tanh(x * x)
            nodes.append(weakref.ref(y))
            return y * y

        hessian(f)(x)
        hvp(f, (x,), (1.0,))
        value_and_grad(f)(x)
        assert [node() for node in nodes] == [None] * 3
    finally:
        gc.enable()


def test_results_inside_no_grad_are_right_and_plain():
    x = Value(3.0)
    with sg.no_grad():
        value, gradient = value_and_grad(lambda x: grad(lambda y: y**3)(x))(x)
    assert (value, gradient) == (27.0, 18.0)
    assert type(gradient) is float


def test_transforms_keep_name_and_docstring():
    def area(radius):
        """Of a circle."""
        return math.pi * radius**2

    assert (grad(area).__name__, grad(area).__doc__) == ("area", "Of a circle.")


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: grad(3.0), CallError, "takes a function, not float"),
        (lambda: grad(Value(3.0) * 2), CallError, "backward"),
        (lambda: hessian(None), CallError, "hessian takes a function"),
        (lambda: jvp("f", (1.0,), (1.0,)), CallError, "jvp takes a function"),
        (lambda: grad(lambda x: [x, x])(1.0), DataError, "one number, not list"),
        (lambda: grad(lambda x: x)(numpy.zeros(3)), DataError, "one number, not ndarray"),
        (lambda: grad(lambda _x: None)(1.0), DataError, "one number, not NoneType"),
        (lambda: grad(lambda _x: "1")(1.0), DataError, "not str '1'"),
        (
            lambda: grad(lambda x: x)("1"),
            DataError,
            "argument to differentiate by must be a real number, not str",
        ),
        (lambda: grad(lambda x: x)([1.0, 1j]), DataError, "not complex"),
        (
            lambda: grad(lambda x: x, 1)(1.0),
            OptionError,
            "names argument 1, but the function was called with 1",
        ),
        (lambda: grad(lambda x: x, (0, -2))(1.0), OptionError, "names argument -2"),
        (lambda: grad(lambda x: x, "x"), OptionError, "position or a tuple of positions, not 'x'"),
        (
            lambda: jvp(lambda x: x, 1.0, 1.0),
            CallError,
            "jvp takes .* tuples of arguments, not float",
        ),
        (
            lambda: hvp(lambda x: x, 1.0, 1.0),
            CallError,
            "hvp takes .* tuples of arguments, not float",
        ),
        (lambda: hvp(3.0, (1.0,), (1.0,)), CallError, "hvp takes a function, not float"),
        (lambda: hvp("f", 1.0, 1.0), CallError, "hvp takes a function, not str"),
        (lambda: hvp(lambda: 1.0, (), ()), CallError, "hvp needs at least one argument"),
        (
            lambda: hvp(lambda x: [x], (1.0,), (1.0,)),
            DataError,
            "hvp needs a function that returns one",
        ),
        (lambda: value_and_grad(lambda x: [x])(1.0), DataError, "value_and_grad needs a function"),
        (lambda: hessian(lambda x: x, 2)(1.0), OptionError, "argnums of hessian names argument 2"),
        (lambda: grad(lambda x: x, -2)(1.0), OptionError, "argnums of grad names argument -2"),
        (lambda: grad(lambda x: x)(x=1.0), OptionError, "keyword arguments are not differentiated"),
        (
            lambda: grad(lambda x: x, True)(1.0, 2.0),
            OptionError,
            "position or a tuple of positions",
        ),
        (lambda: grad(lambda x: x, 1.0)(1.0, 2.0), OptionError, "position or a tuple of positions"),
        (lambda: jacobian(lambda x: x, (0, "1")), OptionError, "argnums of jacobian must be"),
        (
            lambda: jvp(lambda x: x, (1.0,), (1.0, 2.0)),
            LengthError,
            "tuple of 1 in primals, tuple of 2 in tangents",
        ),
        (
            lambda: jvp(lambda x: x, ([1.0],), (1.0,)),
            LengthError,
            "list of 1 in primals, one number in tangents",
        ),
        (
            lambda: jvp(sum, (numpy.ones(2),), (numpy.ones(3),)),
            LengthError,
            r"shape \(2,\) in primals",
        ),
        (
            lambda: grad(lambda x: Value(1.0, (x,), "mine", partials=(2.0,)))(1.0),
            GraphError,
            "only numbers can flow back",
        ),
    ],
)
def test_errors_say_what_was_wrong(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_against_pytorch():
    torch = pytest.importorskip("torch")
    at = [0.5, -1.25, 2.0]

    def f(m, x):
        return m.tanh(x[0] * x[1]) * m.exp(x[2]) + m.sin(x[0]) / (1 + x[2] * x[2])

    exact = torch.autograd.functional.hessian(
        lambda x: f(torch, x), torch.tensor(at, dtype=torch.float64)
    )
    numpy.testing.assert_allclose(
        numbers(hessian(lambda x: f(sg, x))(at)), exact.numpy(), rtol=1e-12
    )


@pytest.mark.parametrize(("primals", "tangents"), [(1.0, (2.0,)), ((1.0,), 2.0)])
def test_primals_and_tangents_are_both_tuples(primals: Any, tangents: Any) -> None:
    with pytest.raises(CallError, match="takes primals and tangents as tuples of arguments"):
        sg.jvp(lambda x: x * x, primals, tangents)

"""Derivatives inside compiled functions: transforms and tapes that a trace records."""

import math
import pickle
import re
from collections.abc import Callable, Sequence
from itertools import product
from random import Random
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
import viz
from scalargrad import Constant, Value
from scalargrad.compiler import compile, record, trace
from scalargrad.compiler.kernels import Matrix
from scalargrad.compiler.passes import optimize, remove_dead_rows
from scalargrad.compiler.zero_checks import remove_zero_checks
from scalargrad.core.nested import flatten
from scalargrad.core.operations import apply
from scalargrad.core.ops import TABLE, TAKE, Op
from scalargrad.errors import TraceError
from scalargrad.losses import mse
from scalargrad.nn import MLP, Module, functional_call
from tests.compiler.backends import in_native_code, once
from tests.compiler.graphs import Kitchen, Recipe, Weights, follow
from tests.compiler.referee import Array, alike, differences, eager
from tests.core.points import points

pytestmark = pytest.mark.usefixtures("default_backend")

RNG = numpy.random.default_rng(3)


def values(tree: Any) -> list[Value]:
    """All numbers of a result as Values: a derivative that depends on nothing is a plain number."""
    return [item if isinstance(item, Value) else Constant(item) for item in flatten(tree)]


def as_list(x: Any) -> list[Value]:
    return [x] if isinstance(x, Value) else list(x)


# Every operation, at ordinary points, at kinks and at infinities


SPECIAL = [0.0, 1.0, -1.0, 0.5, 3.0, -3.0, 6.0, 1e300, math.inf, -math.inf, math.nan]
"""Where operations have kinks, poles, bounds; two operands have all pairs of them."""


def special_points(size: int) -> list[tuple[float, ...]]:
    if size <= 2:
        return list(product(SPECIAL, repeat=size))
    equal = [(x,) * size for x in SPECIAL]
    one = [(*(0.0,) * (size - 1), x) for x in SPECIAL]
    return equal + one


def gradient(op: Op, x: list[Value]) -> Any:
    return sg.grad(lambda z: apply(op, *z))(x)


def gradient_of_relu(op: Op, x: list[Value]) -> Any:
    return sg.grad(lambda z: sg.relu(apply(op, *z)) * 2.0)(x)


def second_derivatives(op: Op, x: list[Value]) -> Any:
    return sg.hessian(lambda z: apply(op, *z))(x)


def directional(op: Op, x: list[Value]) -> Any:
    direction = [1.0 + i for i in range(len(x))]
    return sg.jvp(lambda z: apply(op, *z), (x,), (direction,))


def not_taken(op: Op, x: list[Value]) -> Any:
    return sg.grad(lambda z: sg.where(sg.lt(z[0], 0.25), 1.0, apply(op, *z)))(x)


# An index of `take` must be an integer input, see test_lookups.py.
@once
@pytest.mark.parametrize(
    "op", [op for op in TABLE.values() if op is not TAKE], ids=lambda op: op.name
)
@pytest.mark.parametrize(
    "derive", [gradient, gradient_of_relu, second_derivatives, directional, not_taken]
)
def test_derivatives_of_every_operation_are_those_of_eager_code(
    derive: Callable[[Op, list[Value]], Any], op: Op
) -> None:
    ordinary = points(op, 4)
    size = len(ordinary[0])

    def function(x: Any) -> list[Value]:
        return values(derive(op, as_list(x)))

    program = compile(function, inputs=(size,))
    for point in (*ordinary, *special_points(size)):
        data = [numpy.array([point])]
        assert differences(program, eager(function, None, data), data, 1e-11) == [], point


# Random graphs


def of_scalar(recipe: Recipe, x: Sequence[Value], weights: Sequence[Value]) -> Value:
    """The outputs of a recipe as one number, from all inputs in one list."""
    arguments = []
    start = 0
    for size in recipe.sizes:
        arguments.append(x[start : start + size])
        start += size
    result: Value = sg.sum([sg.tanh(output) for output in follow(recipe, arguments, weights)])
    return result


def penalized(recipe: Recipe, x: list[Value], weights: list[Value]) -> Any:
    """A function plus its squared gradient, by inputs and by weights."""
    y, parts = sg.value_and_grad(lambda z, w: of_scalar(recipe, z, w), (0, 1))(x, weights)
    return sg.sum([y, *[part * part for part in flatten(parts)]])


def curvature(recipe: Recipe, x: list[Value], weights: list[Value]) -> Any:
    return sg.hessian(lambda z: of_scalar(recipe, z, weights))(x)


def in_a_direction(recipe: Recipe, x: list[Value], weights: list[Value]) -> Any:
    direction = [1.0 - i for i in range(len(x))]
    f = lambda z: of_scalar(recipe, z, weights)  # noqa: E731
    return [sg.jvp(f, (x,), (direction,)), sg.hvp(f, (x,), (direction,))]


def on_tape(recipe: Recipe, x: list[Value], weights: list[Value]) -> Any:
    with sg.GradientTape() as tape:
        tape.watch(x)
        y = of_scalar(recipe, x, weights)
    return tape.gradient(y, x, unconnected_gradients="zero")


TRANSFORMS = [penalized, curvature, in_a_direction, on_tape]


def differing(rng: Random, steps: int, odd: float) -> list[str]:
    """What the program of a derivative of a random graph says otherwise than eager code."""
    kitchen = Kitchen(rng=rng, steps=steps, inputs=3)
    recipe = kitchen.recipe()
    derive = rng.choice(TRANSFORMS)
    model = Weights(recipe.parameters)

    def function(*arguments: Any) -> Any:
        x = [value for argument in arguments for value in as_list(argument)]
        found = values(derive(recipe, x, model.weights))
        return found[0] if len(found) == 1 else found

    batch = rng.choice([1, 2, 5])
    data = [
        numpy.array([[number(rng, odd) for _ in range(size)] for _ in range(batch)])
        for size in recipe.sizes
    ]
    expected = eager(function, model, data)
    return differences(compile(function, model, recipe.sizes), expected, data, 1e-8)


def number(rng: Random, odd: float) -> float:
    if rng.random() < odd:
        return rng.choice([math.nan, math.inf, -math.inf, 0.0])
    return rng.uniform(-3.0, 3.0)


@once
@settings(max_examples=60)
@given(rng=st.randoms(use_true_random=False))
def test_derivatives_of_any_graph(rng: Random) -> None:
    assert differing(rng, steps=12, odd=0.0) == []


@in_native_code
@settings(max_examples=5)
@given(rng=st.randoms(use_true_random=False))
def test_derivatives_of_any_graph_in_native_code(rng: Random) -> None:
    assert differing(rng, steps=12, odd=0.1) == []


@once
@settings(max_examples=60)
@given(rng=st.randoms(use_true_random=False))
def test_derivatives_of_any_graph_where_data_holds_nan_zero_and_infinities(rng: Random) -> None:
    assert differing(rng, steps=8, odd=0.2) == []


@once
@settings(max_examples=60)
@given(rng=st.randoms(use_true_random=False))
def test_zero_checks_change_no_finite_number(rng: Random) -> None:
    recipe = Kitchen(rng=rng, steps=10, inputs=3).recipe()
    model = Weights(recipe.parameters)
    size = sum(recipe.sizes)

    def function(x: Any) -> list[Value]:
        return values(curvature(recipe, as_list(x), model.weights))

    before = record(trace(function, (size,), model.weights))
    after = remove_zero_checks(before).verify()
    numbers = [rng.uniform(-2.0, 2.0) for _ in range(size)]
    expected = before.evaluate(numbers, recipe.parameters)
    found = after.evaluate(numbers, recipe.parameters)
    if all(map(math.isfinite, found)):
        assert found == expected


def root_above_0(z: Any) -> Any:
    """√z above 0, else 0: at 0 a gradient of 0 meets an infinite derivative."""
    return sg.where(sg.lt(0.0, z), sg.sqrt(z), 0.0)


@pytest.mark.parametrize(
    "decide",
    [
        lambda g: sg.where(sg.le(g, 0.0), 2.0, 3.0),
        lambda g: sg.where(g, 2.0, 3.0),
        lambda g: sg.lt(g, 1.0),
        lambda g: g**g,
    ],
    ids=["where le", "where", "lt", "pow"],
)
def test_a_decision_by_a_derivative_that_is_0_times_infinity(decide: Any) -> None:
    def function(x: Any) -> Any:
        return decide(sg.grad(root_above_0)(x))

    data = [numpy.array([[0.0], [4.0], [0.01]])]
    expected = eager(function, None, data)
    assert alike(compile(function, inputs=(1,))(*data), expected.outputs, bound=1e-14)


def test_an_infinity_that_eager_code_does_not_have_is_not_lost_in_a_tanh() -> None:
    def function(x: Any) -> Any:
        mixed = sg.hessian(lambda z: z[0] * sg.sqrt(z[1]))(x)[1][0]
        return sg.tanh(mixed)

    data = [numpy.array([[0.0, 0.0], [1.0, 4.0]])]
    expected = eager(function, None, data).outputs
    assert expected[0] == 0.0
    assert alike(compile(function, inputs=(2,))(*data), expected, bound=1e-14)


# Networks: physics, penalties, steps inside a loss


def derivatives_of_sine(model: Any) -> Callable[[Any], Any]:
    """The residual of u″ = -sin(x) for a network u."""

    def loss(x: Any) -> Any:
        second = sg.grad(sg.grad(lambda z: model([z])))(x)
        return (second + sg.sin(x)) ** 2

    return loss


def torch_twin(model: MLP) -> tuple[Any, Any]:
    """PyTorch's module with the same parameters."""
    torch = pytest.importorskip("torch")
    parts = []
    for i, layer in enumerate(model.layers):
        weights = [[w.data for w in neuron.weights] for neuron in layer.neurons]
        linear = torch.nn.Linear(len(weights[0]), len(weights), dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(weights, dtype=torch.float64))
            biases = [neuron.bias.data for neuron in layer.neurons]
            linear.bias.copy_(torch.tensor(biases, dtype=torch.float64))
        parts += [torch.nn.Tanh(), linear] if i else [linear]
    return torch, torch.nn.Sequential(*parts)


def torch_gradient(twin: Any) -> Array:
    """The gradients of a twin, neuron by neuron."""
    rows = []
    for linear in twin:
        if hasattr(linear, "weight"):
            bias = linear.bias.grad
            column = numpy.zeros((len(linear.weight), 1)) if bias is None else bias.numpy()[:, None]
            rows.append(numpy.hstack([linear.weight.grad.numpy(), column]).ravel())
    return numpy.concatenate(rows)


def test_a_physics_informed_network_is_that_of_pytorch() -> None:
    model = MLP(1, [8, 8, 1], "tanh", seed=1)
    torch, twin = torch_twin(model)
    x = numpy.linspace(0.0, 3.0, 16)[:, None]

    t = torch.tensor(x, requires_grad=True)
    (first,) = torch.autograd.grad(twin(t).sum(), t, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), t, create_graph=True)
    expected = ((second + torch.sin(t)) ** 2).mean()
    expected.backward()

    loss, found = compile(derivatives_of_sine(model), model, inputs=(1,)).value_and_grad(x)
    assert loss == pytest.approx(expected.item(), rel=1e-13)
    assert alike(found, torch_gradient(twin), bound=1e-13)


def test_second_derivatives_of_a_network_run_as_matrices() -> None:
    model = MLP(1, [16, 16, 1], "tanh", seed=1)
    program = compile(derivatives_of_sine(model), model, inputs=(1,))
    matrices = [kernel for kernel in program.kernels if isinstance(kernel, Matrix)]
    assert len(matrices) >= 4
    assert len(program.kernels) <= 24
    assert "_indeterminate" not in program.explain()


def test_a_gradient_penalty_is_that_of_pytorch() -> None:
    model = MLP(3, [8, 1], "tanh", seed=2)
    torch, twin = torch_twin(model)
    x = RNG.normal(size=(7, 3))

    t = torch.tensor(x, requires_grad=True)
    (slope,) = torch.autograd.grad(twin(t).sum(), t, create_graph=True)
    expected = ((slope.norm(dim=1) - 1.0) ** 2).mean()
    expected.backward()

    def penalty(x: Any) -> Any:
        return (sg.norm(sg.grad(model)(x)) - 1.0) ** 2

    loss, found = compile(penalty, model, inputs=(3,)).value_and_grad(x)
    assert loss == pytest.approx(expected.item(), rel=1e-13)
    assert alike(found, torch_gradient(twin), bound=1e-13)


def test_a_step_of_gradient_descent_inside_a_loss() -> None:
    """The loss after one step on another sample, as meta-learning has it."""
    model = MLP(1, [4, 1], "tanh", seed=3)
    names = [name for name, _ in model.named_parameters()]

    def after_a_step(x: Any, y: Any, new_x: Any, new_y: Any) -> Any:
        def loss(weights: dict[str, Value], x: Value, y: Value) -> Any:
            return mse(functional_call(model, weights, [x]), y)

        weights = dict(model.named_parameters())
        slopes = sg.grad(loss)(weights, x, y)
        moved = {name: weights[name] - 0.1 * slopes[name] for name in names}
        return loss(moved, new_x, new_y)

    data = [RNG.normal(size=(5, 1)) for _ in range(4)]
    program = compile(after_a_step, model, inputs=(1, 1, 1, 1))
    assert differences(program, eager(after_a_step, model, data), data, 1e-12) == []


def test_a_physics_informed_network_trains_compiled_as_it_does_eagerly() -> None:
    class Residual(Module):
        """u″ of a network u."""

        def __init__(self) -> None:
            self.u = MLP(1, [6, 1], "tanh", seed=4)

        def forward(self, x: Any) -> Any:
            return sg.grad(sg.grad(lambda z: self.u([z])))(x[0])

    x = numpy.linspace(0.0, 3.0, 8)[:, None]
    y = -numpy.sin(x).ravel()
    losses = []
    for compiled in (False, True):
        model = Residual()
        history = sg.fit(model, x, y, loss=mse, epochs=5, progress=False, compiled=compiled, seed=0)
        losses.append(history["loss"])
    assert losses[1] == pytest.approx(losses[0], rel=1e-11)


# Known solutions


def test_a_double_pendulum_from_its_lagrangian() -> None:
    g = 9.81

    def lagrangian(q: Any, v: Any) -> Any:
        kinetic = v[0] ** 2 + 0.5 * v[1] ** 2 + v[0] * v[1] * sg.cos(q[0] - q[1])
        potential = -2.0 * g * sg.cos(q[0]) - g * sg.cos(q[1])
        return kinetic - potential

    def accelerations(q: Any, v: Any) -> Any:
        force = sg.grad(lagrangian)(q, v)
        mass = sg.hessian(lagrangian, 1)(q, v)
        mixed = sg.jacobian(sg.grad(lagrangian, 1))(q, v)
        right = [f - row[0] * v[0] - row[1] * v[1] for f, row in zip(force, mixed, strict=True)]
        (a, b), (c, d) = mass
        determinant = a * d - b * c
        return [
            (d * right[0] - b * right[1]) / determinant,
            (a * right[1] - c * right[0]) / determinant,
        ]

    q, v = RNG.uniform(-2.0, 2.0, (2, 20, 2))
    difference = q[:, 0] - q[:, 1]
    sine, cosine = numpy.sin(difference), numpy.cos(difference)
    first = -2.0 * g * numpy.sin(q[:, 0]) - sine * v[:, 1] ** 2
    second = -g * numpy.sin(q[:, 1]) + sine * v[:, 0] ** 2
    determinant = 2.0 - cosine**2
    expected = numpy.stack(
        [
            (first - cosine * second) / determinant,
            (2.0 * second - cosine * first) / determinant,
        ],
        axis=1,
    )
    assert alike(compile(accelerations, inputs=(2, 2))(q, v), expected, scale=10.0, bound=1e-14)


def test_the_laplacian_of_a_function_by_its_hessian() -> None:
    def laplacian(p: Any) -> Any:
        h = sg.hessian(lambda z: sg.sin(2.0 * z[0]) * sg.exp(3.0 * z[1]))(p)
        return h[0][0] + h[1][1]

    p = RNG.uniform(-1.0, 1.0, (9, 2))
    expected = 5.0 * numpy.sin(2.0 * p[:, 0]) * numpy.exp(3.0 * p[:, 1])
    assert alike(compile(laplacian, inputs=(2,))(p)[:, 0], expected, scale=100.0, bound=1e-15)


def test_a_catenoid_is_a_minimal_surface() -> None:
    def curvature_of(p: Any) -> Any:
        def height(z: Any) -> Any:
            return sg.acosh(sg.hypot(z[0], z[1]))

        u, v = sg.grad(height)(p)
        (a, b), (_, c) = sg.hessian(height)(p)
        return (1.0 + v * v) * a - 2.0 * u * v * b + (1.0 + u * u) * c

    angle, radius = RNG.uniform(0.0, 6.0, 20), RNG.uniform(1.5, 3.0, 20)
    p = numpy.stack([radius * numpy.cos(angle), radius * numpy.sin(angle)], axis=1)
    assert abs(compile(curvature_of, inputs=(2,))(p)).max() < 1e-13


def test_a_distance_solves_the_eikonal_equation_and_has_no_slope_at_its_origin() -> None:
    def squared_slope(p: Any) -> Any:
        u, v = sg.grad(lambda z: sg.norm(z))(p)
        return u * u + v * v

    p = numpy.array([[3.0, 4.0], [-1e-200, 0.0], [0.0, 0.0]])
    assert alike(compile(squared_slope, inputs=(2,))(p)[:, 0], [1.0, 1.0, 0.0], bound=1e-15)


def test_the_fourth_derivative_of_a_beam() -> None:
    def load(x: Any) -> Any:
        f: Any = lambda z: sg.sin(2.0 * z) * z  # noqa: E731
        for _ in range(4):
            f = sg.grad(f)
        return f(x)

    x = RNG.uniform(-2.0, 2.0, 9)
    expected = 16.0 * x * numpy.sin(2.0 * x) - 32.0 * numpy.cos(2.0 * x)
    assert alike(compile(load, inputs=(1,))(x)[:, 0], expected, scale=50.0, bound=1e-15)


# What else belongs to a transform


def test_containers_keywords_and_several_arguments() -> None:
    def energy(state: Any, *, scale: float) -> Any:
        return scale * state["q"][0] ** 2 * state["p"] + state["q"][1]

    def function(x: Any) -> Any:
        found = sg.grad(energy)({"q": (x[0], x[1]), "p": x[2]}, scale=3.0)
        return [found["q"][0], found["q"][1], found["p"]]

    outputs = compile(function, inputs=(3,))(numpy.array([[2.0, 5.0, 7.0]]))
    assert outputs.tolist() == [[84.0, 1.0, 12.0]]


def test_an_argument_that_is_a_plain_number_gives_a_plain_number() -> None:
    def function(x: Any) -> Any:
        slope = sg.grad(lambda z: z**3)(2.0)
        assert slope == 12.0
        return x * slope

    assert compile(function, inputs=(1,))(numpy.array([2.0])).tolist() == [[24.0]]


def test_an_object_array_as_an_argument() -> None:
    def function(x: Any) -> Any:
        found = sg.grad(lambda z: (z * z).sum() * z[0])(numpy.array(x, dtype=object))
        return list(found)

    assert compile(function, inputs=(2,))(numpy.array([[2.0, 3.0]])).tolist() == [[21.0, 12.0]]


def test_stop_gradient_inside_a_transform() -> None:
    def function(x: Any) -> Any:
        return sg.grad(lambda z: z * sg.stop_gradient(z) ** 2)(x)

    program = compile(function, inputs=(1,))
    assert program(numpy.array([3.0])).tolist() == [[9.0]]
    (slope,) = program.jacobian(numpy.array([3.0]))
    assert slope.tolist() == [[[0.0]]]


def test_a_tape_in_a_tape() -> None:
    def function(x: Any) -> Any:
        with sg.GradientTape() as outer:
            with sg.GradientTape() as inner:
                y = sg.exp(x * x)
            first = inner.gradient(y, x)
        return [first, outer.gradient(first, x)]

    x = numpy.array([0.0, 0.5, -1.0])
    y = numpy.exp(x * x)
    expected = numpy.stack([2.0 * x * y, (2.0 + 4.0 * x * x) * y], axis=1)
    assert alike(compile(function, inputs=(1,))(x), expected, bound=1e-15)


def test_drawn_numbers_are_the_same_in_a_function_and_in_its_derivative() -> None:
    model = sg.nn.Sequential(MLP(2, [8], "tanh", seed=5), sg.nn.Dropout(0.5, seed=6))

    def function(x: Any) -> Any:
        return sg.grad(lambda z: sg.sum(model(z)))(x)

    x = RNG.normal(size=(4, 2))
    program = compile(function, inputs=(2,), model=model)
    found = program(x)
    rest = sg.nn.Sequential(MLP(2, [8], "tanh", seed=5), sg.nn.Dropout(0.5, seed=6))
    expected = [
        [part.data for part in sg.grad(lambda z: sg.sum(rest(z)))([Value(a), Value(b)])]
        for a, b in x.tolist()
    ]
    assert alike(found, expected, bound=1e-14)


def test_a_drawn_number_is_no_constant_of_a_derivative_at_a_plain_number() -> None:
    dropout = sg.nn.Dropout(0.5, seed=1)
    program = compile(lambda x: x * sg.grad(lambda z: dropout([z])[0])(3.0), inputs=(1,))
    slopes = set(program(numpy.ones(50)).ravel().tolist())
    assert slopes == {0.0, 2.0}


def test_a_buffer_is_read_again_by_a_derivative_at_a_plain_number() -> None:
    buffer = sg.Buffer(2.0)
    program = compile(lambda x: x * sg.grad(lambda z: z * buffer)(3.0), inputs=(1,))
    assert program(numpy.ones(1)).tolist() == [[2.0]]
    buffer.data = 5.0
    assert program(numpy.ones(1)).tolist() == [[5.0]]


@pytest.mark.parametrize(
    ("ask", "what", "remedy"),
    [
        (lambda x: sg.tanh(x).backward(), r"backward\(\)", "Write grad"),
        (lambda x: sg.tanh(x).backward(create_graph=True), r"backward\(\)", "Write grad"),
        (lambda x: x.grad, r"the gradient \(\.grad\)", "Write grad"),
        (lambda x: sg.no_grad()(sg.grad(sg.tanh))(x), r"no_grad\(\)", "stop_gradient"),
        (lambda x: sg.grad(lambda z: z if z > 0.0 else -z)(x), "a comparison", r"where\("),
        (lambda x: sg.gradcheck(sg.tanh, x), "", ""),
    ],
    ids=["backward", "create_graph", ".grad", "no_grad", "branch", "gradcheck"],
)
def test_what_can_not_be_recorded_is_named(ask: Any, what: str, remedy: str) -> None:
    with pytest.raises(TraceError, match=rf"{what}.* can't be recorded, at .*\n.*{remedy}"):
        compile(ask, inputs=(1,))


def test_the_trace_changes_no_value_of_the_model() -> None:
    model = MLP(1, [3, 1], "tanh", seed=1)
    before = [(p.data, p.grad, p.args) for p in model.parameters()]
    compile(derivatives_of_sine(model), model, inputs=(1,))
    assert [(p.data, p.grad, p.args) for p in model.parameters()] == before


def test_copies_and_pickles_compute_the_same() -> None:
    program = compile(lambda x: sg.hessian(root_above_0)(x), inputs=(1,))
    x = numpy.array([0.0, 1.0, 4.0])
    copied = pickle.loads(pickle.dumps(program))
    assert numpy.array_equal(copied(x), program(x))
    assert copied(x)[0] == 0.0


def test_the_numbers_of_a_sample_can_be_loaded() -> None:
    program = compile(lambda x: sg.grad(root_above_0)(x), inputs=(1,))
    for x, slope in ((4.0, 0.25), (0.0, 0.0), (-1.0, 0.0)):
        loaded = program.load(x)
        assert loaded.data == slope


def test_a_program_of_derivatives_can_be_drawn() -> None:
    model = MLP(1, [4, 4, 1], "tanh", seed=1)
    program = compile(derivatives_of_sine(model), model, inputs=(1,))
    picture = viz.draw(program).picture
    assert {node.symbol for node in picture.nodes} >= {"W·x", "tanh"}
    assert any("sin, " in node.label for node in picture.nodes)


def test_a_graph_with_comparisons_and_zero_checks_can_be_drawn() -> None:
    def function(x: Any) -> Any:
        return sg.where(sg.le(sg.grad(root_above_0)(x), 0.0), 2.0, x)

    picture = viz.draw(compile(function, inputs=(1,))).picture
    operations = [node for node in picture.nodes if node.kind == "operation"]
    texts = " ".join(f"{node.label} {node.detail}" for node in operations)
    assert {"le", "lt", "_indeterminate", "where"} <= set(re.findall(r"\w+", texts))


@once
@pytest.mark.parametrize("derive", TRANSFORMS)
def test_derivatives_on_jax(derive: Any) -> None:
    pytest.importorskip("jax")
    rng = Random(5)
    recipe = Kitchen(rng=rng, ops=("mul", "add", "tanh", "sin", "relu", "maximum", "sqrt")).recipe()
    model = Weights(recipe.parameters)

    def function(*arguments: Any) -> Any:
        x = [value for argument in arguments for value in as_list(argument)]
        return values(derive(recipe, x, model.weights))

    data = [RNG.uniform(-2.0, 2.0, (3, size)) for size in recipe.sizes]
    program = compile(function, model, recipe.sizes, backend="jax")
    assert differences(program, eager(function, model, data), data, 1e-10) == []


@once
def test_a_physics_informed_network_on_jax() -> None:
    pytest.importorskip("jax")
    model = MLP(1, [8, 8, 1], "tanh", seed=1)
    x = numpy.linspace(0.0, 3.0, 16)[:, None]
    loss = derivatives_of_sine(model)
    expected = compile(loss, model, inputs=(1,)).value_and_grad(x)
    found = compile(loss, model, inputs=(1,), backend="jax").value_and_grad(x)
    assert found[0] == pytest.approx(expected[0], rel=1e-13)
    assert alike(found[1], expected[1], bound=1e-13)


def test_constants_of_a_derivative_leave_no_rows() -> None:
    """Seeds of 1, and the gradient of a sum, are gone after all passes."""
    program = optimize(record(trace(sg.grad(lambda z: sg.sin(1.0 * z) + 0.0 + 3.0 * z), [1])))
    assert [kind.op for _, kind, _ in program.rows() if kind is not None] == ["cos", "add"]
    assert remove_dead_rows(program) is program

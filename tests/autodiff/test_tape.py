"""GradientTape against the documentation of tf.GradientTape, and against closed forms."""

import gc
import weakref

import numpy
import pytest

import scalargrad as sg
from scalargrad import Constant, GradientTape, Parameter, Value
from scalargrad.core.ops import MUL
from scalargrad.errors import DataError, LengthError, OptionError, TapeError
from scalargrad.nn import MLP


def numbers(nest):
    if isinstance(nest, dict):
        return {key: numbers(part) for key, part in nest.items()}
    if isinstance(nest, list | tuple):
        return type(nest)(numbers(part) for part in nest)
    return nest if nest is None else nest.data


# The examples of the documentation of tf.GradientTape.


def test_gradient_of_a_watched_constant():
    x = Constant(3.0)
    with GradientTape() as tape:
        tape.watch(x)
        y = x * x
    assert tape.gradient(y, x).data == 6.0


def test_constants_are_not_watched_by_themselves():
    x = Constant(3.0)
    with GradientTape() as tape:
        y = x * x
    assert tape.gradient(y, x) is None


def test_nested_tapes_give_second_derivatives():
    x = Constant(5.0)
    with GradientTape() as outer:
        outer.watch(x)
        with GradientTape() as inner:
            inner.watch(x)
            y = x * x
        first = inner.gradient(y, x)
    assert (first.data, outer.gradient(first, x).data) == (10.0, 2.0)


def test_three_tapes_give_third_derivatives():
    x = Value(2.0)
    with GradientTape() as third, GradientTape() as second:
        with GradientTape() as first:
            y = x**5
        g1 = first.gradient(y, x)
        g2 = second.gradient(g1, x)
    assert (g1.data, g2.data, third.gradient(g2, x).data) == (80.0, 160.0, 240.0)


def test_persistent_tape_answers_more_than_once():
    x = Value(3.0)
    with GradientTape(persistent=True) as tape:
        y = x * x
        z = y * y
    assert (tape.gradient(z, x).data, tape.gradient(y, x).data, tape.gradient(z, y).data) == (
        108.0,
        6.0,
        18.0,
    )


def test_other_tapes_answer_once():
    x = Value(3.0)
    with GradientTape() as tape:
        y = x * x
    tape.gradient(y, x)
    for again in (tape.gradient, tape.jacobian):
        with pytest.raises(TapeError, match="persistent=True") as caught:
            again(y, x)
        assert isinstance(caught.value, RuntimeError)


def test_without_automatic_watching_only_what_is_watched_counts():
    x, w = Value(2.0), Value(5.0)
    with GradientTape(watch_accessed_variables=False, persistent=True) as tape:
        tape.watch(x)
        y = x**2
        z = w**3
    assert tape.gradient(y, x).data == 4.0
    assert tape.gradient(z, w) is None


def test_what_is_not_watched_has_no_gradient_even_beside_what_is():
    x, w = Value(2.0), Value(5.0)
    product = w * w
    with GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        y = x * w * product
    assert numbers(tape.gradient(y, [x, w, product])) == [125.0, None, None]
    with GradientTape() as tape:
        y = x * product * 3
    assert numbers(tape.gradient(y, [x, w, product, y.args[1]])) == [75.0, None, None, None]


def test_stop_recording_leaves_gaps():
    x = Value(4.0)
    with GradientTape() as tape:
        with tape.stop_recording():
            y = x**2
        z = x**3
    assert numbers(tape.gradient([y, z], {"x": x})) == {"x": 48.0}
    with GradientTape() as tape, tape.stop_recording():
        y = x**2
    assert tape.gradient(y, x) is None


def test_what_was_recorded_before_a_gap_stays():
    x = Value(4.0)
    with GradientTape() as tape:
        y = x**3
        with tape.stop_recording():
            x**2
    assert tape.gradient(y, x).data == 48.0


def test_recording_goes_on_after_a_gradient_in_a_gap():
    x = Value(4.0)
    with GradientTape() as tape:
        y = x**2
        with tape.stop_recording():
            assert tape.gradient(y, x).data == 8.0
        z = x**3
    assert tape.gradient(z, x).data == 48.0


def test_stop_recording_ends_when_the_block_raises():
    x = Value(4.0)
    with GradientTape() as tape:
        with pytest.raises(KeyError), tape.stop_recording():
            raise KeyError
        y = x**2
    assert tape.gradient(y, x).data == 8.0


def test_reset_forgets():
    x = Value(2.0)
    with GradientTape() as tape:
        loss = x * x
        tape.reset()
        loss = loss + 3 * x
    assert tape.gradient(loss, x).data == 3.0


# The guide: "Introduction to gradients and automatic differentiation".


def test_results_have_the_structure_of_the_sources():
    w, b, x = [Value(1.0), Value(-2.0)], Value(0.5), [3.0, 4.0]
    with GradientTape() as tape:
        loss = (w[0] * x[0] + w[1] * x[1] + b) ** 2
    assert numbers(tape.gradient(loss, {"w": w, "b": (b,)})) == {"w": [-27.0, -36.0], "b": (-9.0,)}


def test_several_targets_are_summed():
    x = Value(2.0)
    with GradientTape() as tape:
        targets = {"y0": x**2, "y1": [1 / x]}
    assert tape.gradient(targets, x).data == 3.75


def test_intermediates_are_sources_too():
    x = Value(3.0)
    with GradientTape() as tape:
        y = x * x
        z = y * y
    assert tape.gradient(z, y).data == 18.0


def test_a_target_has_the_gradient_1_by_itself():
    x, outside = Value(3.0), Value(1.0)
    with GradientTape(persistent=True) as tape:
        y = x * x
    assert [tape.gradient(v, v).data for v in (y, x, outside)] == [1.0, 1.0, 1.0]
    assert tape.gradient([y, y], x).data == 12.0


def test_unconnected_sources_give_none_or_zero():
    x, y = Value(2.0), Value(5.0)
    with GradientTape(persistent=True) as tape:
        z = y * y
    assert tape.gradient(z, x) is None
    assert tape.gradient(z, x, unconnected_gradients="zero").data == 0.0
    assert numbers(tape.gradient(z, [x, y])) == [None, 10.0]


def test_a_source_whose_derivative_is_zero_is_connected():
    """In TensorFlow a dead relu has the gradient 0, not None."""
    x, y = Value(-2.0), Value(5.0)
    with GradientTape(persistent=True) as tape:
        z = sg.relu(x) * 3 + sg.where(y > 0, 1.0, y) + sg.floor(y)
    assert numbers(tape.gradient(z, [x, y])) == [0.0, 0.0]
    assert numbers(tape.jacobian([z, z], [x, y])) == [[0.0, 0.0]] * 2


def test_a_source_that_only_other_operations_use_is_unconnected():
    x, w = Value(2.0), Value(5.0)
    with GradientTape(persistent=True) as tape:
        other = w * x
        y = x * x
    assert tape.gradient(y, w) is None
    assert tape.gradient([y, other], w).data == 2.0
    assert tape.gradient(y, {"x": x, "w": w}, unconnected_gradients="zero")["w"].data == 0.0


def test_a_target_of_plain_numbers_says_why_it_is_none():
    with GradientTape() as tape:
        y = sg.grad(lambda x: x**3)(2.0)
    with pytest.raises(DataError, match=r"not float 12\.0: it does not depend on any Value"):
        tape.gradient(y, Value(2.0))


def test_a_hook_that_empties_the_sources_changes_nothing():
    x = Value(3.0)
    sources = [x]
    with GradientTape() as tape:
        y = x * x
    y.register_hook(lambda _gradient: sources.clear())
    assert numbers(tape.gradient(y, sources)) == [6.0]


def test_what_was_computed_outside_is_not_recorded():
    x = Value(2.0)
    before = x * x
    with GradientTape(persistent=True) as tape:
        inside = before * 3
    after = inside * x
    assert tape.gradient(inside, x) is None
    assert tape.gradient(inside, before) is None
    assert tape.gradient(after, x) is None


def test_an_intermediate_from_outside_can_be_watched():
    x = Value(2.0)
    y = x * x
    with GradientTape(persistent=True) as tape:
        tape.watch(y)
        z = y * y * x
    assert tape.gradient(z, y).data == 16.0
    assert tape.gradient(z, x).data == 16.0  # the x in z alone: how y came about is not on the tape


def test_watching_begins_with_the_call():
    x = Constant(3.0)
    with GradientTape() as tape:
        y = x * x
        tape.watch(x)
        z = y * x
    assert tape.gradient(z, x).data == 9.0


def test_a_branch_that_python_took_is_what_is_recorded():
    x, a, b = Constant(1.0), Value(2.0), Value(3.0)
    with GradientTape() as tape:
        tape.watch(x)
        result = a if x > 0.0 else b**2
        result = result * 1.0
    assert numbers(tape.gradient(result, [x, a, b])) == [None, 1.0, None]


def test_detached_values_cut_the_tape():
    x = Value(2.0)
    with GradientTape() as tape:
        y = (x * x).detach() * x
    assert tape.gradient(y, x).data == 4.0


def test_output_gradients_are_factors():
    x = Value(3.0)
    with GradientTape(persistent=True) as tape:
        y, z = x * x, 5 * x
    assert tape.gradient(y, x, output_gradients=10).data == 60.0
    assert tape.gradient([y, z], x, output_gradients=[10.0, Value(2.0)]).data == 70.0
    assert tape.gradient([y, z], x, output_gradients=[None, 2]).data == 16.0
    assert tape.gradient({"y": y, "z": z}, x, output_gradients={"z": 2.0, "y": 10.0}).data == 70.0
    with pytest.raises(LengthError, match="2 Values, 1 factors"):
        tape.gradient([y, z], x, output_gradients=[1.0])
    with pytest.raises(DataError, match="output gradient must be a real number, not str"):
        tape.gradient(y, x, output_gradients="2")


def test_jacobian_of_lists_is_rows_by_target():
    x = [Value(1.0), Value(2.0)]
    with GradientTape(persistent=True) as tape:
        y = [entry * entry for entry in x]
        z = [x[0] * x[1], 3 * x[1]]
    assert numbers(tape.jacobian(y, x)) == [[2.0, 0.0], [0.0, 4.0]]
    assert numbers(tape.jacobian(z, x)) == [[2.0, 1.0], [0.0, 3.0]]
    assert numbers(tape.jacobian(z[0], x)) == [2.0, 1.0]
    assert numbers(tape.jacobian(z, x[1])) == [1.0, 3.0]


def test_jacobian_of_unconnected_sources():
    x, other = Value(1.0), Value(2.0)
    with GradientTape(persistent=True) as tape:
        y = [x * x, x * 3]
    assert numbers(tape.jacobian(y, [x, other])) == [[2.0, None], [3.0, None]]
    assert numbers(tape.jacobian(y, [x, other], unconnected_gradients="zero")) == [
        [2.0, 0.0],
        [3.0, 0.0],
    ]


def test_jacobian_of_arrays_joins_the_shapes():
    x = numpy.array([Value(1.0), Value(2.0), Value(3.0)])
    matrix = numpy.arange(6.0).reshape(2, 3)
    with GradientTape() as tape:
        y = matrix @ x
    found = tape.jacobian(y, x)
    assert found.shape == (2, 3)
    numpy.testing.assert_array_equal(found.astype(float), matrix)


def test_gradient_inside_the_block():
    x = Value(3.0)
    with GradientTape() as tape:
        y = x * x
        assert tape.gradient(y, x).data == 6.0
        x * x
    with pytest.raises(TapeError):
        tape.gradient(y, x)
    with GradientTape(persistent=True) as tape:
        first = tape.gradient(x**3, x)
    assert tape.gradient(first, x).data == 18.0


def test_a_tape_goes_on_when_it_is_entered_again():
    x = Value(3.0)
    with GradientTape(persistent=True) as tape:
        y = x * x
    with tape:
        z = y * x
    assert tape.gradient(z, x).data == 27.0
    with tape, pytest.raises(TapeError, match="recording already"):
        tape.__enter__()


def test_watched_variables_in_the_order_of_watching():
    a, b, c, d = Value(1.0), Parameter(2.0), Constant(3.0), Value(4.0)
    with GradientTape() as tape:
        y = b * a
        tape.watch([c])
        y = y * d + a
        assert tape.watched_variables() == (b, a, c, d)
    tape.gradient(y, a)
    assert tape.watched_variables() == (b, a, c, d)


def test_all_parameters_of_a_network():
    model = MLP(2, [3, 1], activation="tanh", seed=1)
    with GradientTape() as tape:
        loss = (model([0.5, -1.0]) - 1.0) ** 2
    gradients = tape.gradient(loss, model.parameters())
    loss.backward()
    assert [g.data for g in gradients] == pytest.approx(
        [p.grad for p in model.parameters()], rel=1e-12
    )
    assert set(tape.watched_variables()) >= set(model.parameters())


def test_no_gradient_attribute_changes():
    x = Value(3.0)
    x.grad = 0.5
    with GradientTape() as tape:
        y = x * x
    tape.gradient(y, x)
    assert (x.grad, y.grad) == (0.5, 0.0)


def test_a_gradient_is_never_one_of_the_recorded_values():
    x, y = Value(2.0), Value(3.0)
    with GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(x)
        z = x * y
    assert tape.gradient(z, x) is not y
    factor = Value(7.0)
    assert tape.gradient(z, z, output_gradients=factor) is not factor


def test_transforms_and_tapes_work_inside_each_other():
    x = Value(2.0)
    with GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        slope = sg.grad(lambda x: x**3)(x)
    assert tape.gradient(slope, x).data == 12.0
    assert tape.watched_variables() == (x,)

    def slope_by_tape(x):
        with GradientTape() as tape:
            y = x**3
        return tape.gradient(y, x)

    assert sg.grad(slope_by_tape)(2.0) == 12.0


def test_values_made_by_hand_are_recorded():
    x = Value(2.0)
    with GradientTape() as tape:
        y = Value(6.0, (x, Constant(3.0)), MUL.name, partials=(3.0, 2.0))
    assert tape.gradient(y, x).data == 3.0


def test_hooks_have_their_say():
    x = Value(3.0)
    x.register_hook(lambda gradient: gradient * 10)
    with GradientTape() as tape:
        y = x * x
    assert tape.gradient(y, x).data == 60.0


def test_deep_graphs_need_no_recursion():
    x = Value(1.0)
    y = x
    with GradientTape() as tape:
        for _ in range(100_000):
            y = y + x
    assert tape.gradient(y, x).data == 100_001.0


@pytest.mark.parametrize("persistent", [True, False])
def test_a_dropped_tape_frees_its_nodes_without_the_garbage_collector(persistent):
    gc.collect()
    gc.disable()
    try:
        x = Value(3.0)
        with GradientTape(persistent=persistent) as tape:
            with GradientTape() as inner:
                y = x * x * 2
            first = inner.gradient(y, x)
        tape.gradient(first, x)
        found = [weakref.ref(thing) for thing in (tape, inner, y, y.args[0], first)]
        del tape, inner, y, first
        assert [thing() for thing in found] == [None] * 5
    finally:
        gc.enable()


def test_a_tape_whose_block_raised_frees_its_nodes_too():
    gc.collect()
    gc.disable()
    try:
        tape = GradientTape()
        node = weakref.ref(made_and_raised(tape))
        assert node() is not None
        del tape
        assert node() is None
    finally:
        gc.enable()


def made_and_raised(tape):
    try:
        with tape:
            node = Value(3.0) * 2
            raise KeyError
    except KeyError:
        return node


def test_errors_say_what_was_wrong():
    x = Value(2.0)
    tape = GradientTape()
    for early in (
        lambda: tape.watch(x),
        lambda: tape.gradient(x, x),
        tape.reset,
        lambda: tape.stop_recording().__enter__(),
    ):
        with pytest.raises(TapeError, match="inside"):
            early()
    with GradientTape(persistent=True) as tape:
        y = x * x
        with pytest.raises(
            DataError, match=r"watch takes a Value, or Values in lists, not float 2\.0"
        ):
            tape.watch([x, 2.0])
    with pytest.raises(DataError, match="the target is a Value, or Values in lists, not float"):
        tape.gradient(4.0, x)
    with pytest.raises(DataError, match="the sources are a Value, or Values in lists, not str 'x'"):
        tape.gradient(y, ["x"])
    with pytest.raises(OptionError, match="'none' or 'zero', not 'nil'"):
        tape.gradient(y, x, unconnected_gradients="nil")
    assert tape.gradient(y, x).data == 4.0


def test_a_question_that_was_wrong_costs_nothing():
    x = Value(2.0)
    with GradientTape() as tape:
        y = x * x
    with pytest.raises(DataError):
        tape.gradient(y, 3.0)
    assert tape.gradient(y, x).data == 4.0


@pytest.mark.parametrize("name", ["reset", "stop_recording"])
def test_what_is_for_inside_the_block_is_refused_after_it(name: str) -> None:
    with GradientTape(persistent=True) as tape:
        Value(2.0) * 3.0
    with pytest.raises(TapeError, match=f"call {name} inside"), getattr(tape, name)():
        pass

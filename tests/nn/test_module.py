"""Modules find, name, save and load their parameters, and mark what they compute."""

from random import Random
from typing import Any

import numpy as np
import pytest

from scalargrad import Buffer, Constant, Parameter, Value
from scalargrad.core.graph import topological
from scalargrad.errors import CallError, DataError, OptionError, UnknownNameError
from scalargrad.nn import MLP, Layer, Module, Neuron, Sequential


class Mixed(Module):
    """Parameters and modules in every kind of container."""

    def __init__(self) -> None:
        self.scale = Parameter(2.0)
        self.heads = {"left": Neuron(1), "right": [Neuron(1), (Neuron(1),)]}
        self.table = [[Parameter(1.0), Parameter(2.0)], [Parameter(3.0)]]
        self.name, self.number, self.nothing, self.value = "mixed", 3, None, Value(1.0)

    def forward(self, x: Any) -> Any:
        left: Any = self.heads["left"]
        return left(x) * self.scale


def names(module: Module) -> list[str]:
    return [name for name, _ in module.named_parameters()]


def test_names_of_a_network() -> None:
    model = MLP(2, [3, 1])
    first = "layers.0.neurons.0"
    assert names(model)[:4] == [
        f"{first}.weights.0",
        f"{first}.weights.1",
        f"{first}.bias",
        "layers.0.neurons.1.weights.0",
    ]
    assert len(names(model)) == len(model.parameters()) == 13
    assert [
        p is q for p, (_, q) in zip(model.parameters(), model.named_parameters(), strict=True)
    ] == [True] * 13


def test_dicts_lists_and_tuples_are_searched_and_plain_values_are_not_parameters() -> None:
    assert names(Mixed()) == [
        *["scale", "table.0.0", "table.0.1", "table.1.0"],
        *["heads.left.weights.0", "heads.left.bias"],
        *[
            "heads.right.0.weights.0",
            "heads.right.0.bias",
            "heads.right.1.0.weights.0",
            "heads.right.1.0.bias",
        ],
    ]
    assert [name for name, _ in Mixed().children()] == [
        "heads.left",
        "heads.right.0",
        "heads.right.1.0",
    ]


def test_what_is_appended_later_is_found_too() -> None:
    model = Sequential(Layer(2, 2))
    model.steps.append(Layer(2, 1))
    model.extra = Parameter(1.0)
    assert len(model.parameters()) == 6 + 3 + 1


def test_a_shared_parameter_or_module_counts_once() -> None:
    layer = Layer(2, 2)
    tied = Sequential(layer, layer)
    assert len(tied.parameters()) == 6
    assert len(list(tied.named_modules())) == 1 + 1 + 2
    neuron = Neuron(2, seed=0)
    neuron.weights[1] = neuron.weights[0]
    assert names(neuron) == ["weights.0", "bias"]
    neuron.bias.data = 1.0
    neuron([1.0, 1.0]).backward()
    assert neuron.weights[0].grad == 2.0


def test_zero_grad() -> None:
    model = MLP(2, [3, 1])
    model([1.0, 2.0]).backward()
    assert any(p.grad for p in model.parameters())
    model.zero_grad()
    assert [p.grad for p in model.parameters()] == [0.0] * 13


def test_train_and_eval_reach_every_module() -> None:
    model = MLP(2, [3, 1])
    assert all(module.training for _, module in model.named_modules())
    assert model.eval() is model
    assert not any(module.training for _, module in model.named_modules())
    model.layers[0].train()
    assert [layer.training for layer in model.layers] == [True, False]
    assert all(module.training for _, module in model.train().named_modules())


# State


def test_state_goes_out_and_in() -> None:
    one, two = MLP(2, [3, 1], seed=1), MLP(2, [3, 1], seed=2)
    state = one.state_dict()
    assert all(type(number) is float for number in state.values())
    two.load_state_dict(dict(reversed(state.items())))
    assert two.state_dict() == state
    assert two([1.0, -1.0]).data == one([1.0, -1.0]).data
    one.parameters()[0].data = 99.0
    assert two.state_dict() == state


def broken(state: dict[str, Any], how: str) -> dict[str, Any]:
    first, *_, last = state
    if how == "missing":
        return {name: 7.0 for name in state if name != last}
    if how == "unknown":
        return {**dict.fromkeys(state, 7.0), "layers.9.bias": 1.0}
    return {**dict.fromkeys(state, 7.0), (first if how == "text first" else last): "7"}


@pytest.mark.parametrize(
    ("how", "error", "named"),
    [
        ("missing", UnknownNameError, r"layers\.1\.neurons\.0\.bias"),
        ("unknown", UnknownNameError, r"layers\.9\.bias"),
        ("text first", DataError, r"layers\.0\.neurons\.0\.weights\.0"),
        ("text last", DataError, r"layers\.1\.neurons\.0\.bias"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(
    how: str, error: type[Exception], named: str
) -> None:
    model = MLP(2, [3, 1])
    before = model.state_dict()
    with pytest.raises(error, match=named):
        model.load_state_dict(broken(before, how))
    assert model.state_dict() == before


def test_names_too_few_and_too_many_are_told_together() -> None:
    model = MLP(1, [1])
    with pytest.raises(
        UnknownNameError,
        match=r"state has no layers\.0\.neurons\.0\.weights\.0, .*bias; "
        r"the network has no a; nothing",
    ):
        model.load_state_dict({"a": 1.0})


def test_a_misspelled_name_is_told_from_the_missing_ones() -> None:
    model = MLP(1, [1])
    state = model.state_dict()
    state["layers.0.neurons.0.bais"] = state.pop("layers.0.neurons.0.bias")
    with pytest.raises(
        UnknownNameError, match=r"bais \(did you mean 'layers\.0\.neurons\.0\.bias'\?\)"
    ):
        model.load_state_dict(state)


@pytest.mark.parametrize(
    "state", [None, [1.0], "state", MLP(1, [1], seed=0)], ids=lambda state: type(state).__name__
)
def test_a_state_must_be_a_dict(state: Any) -> None:
    with pytest.raises(DataError, match="load_state_dict takes a dict"):
        MLP(1, [1]).load_state_dict(state)


def test_two_numbers_of_one_name_are_refused() -> None:
    model = Sequential()
    model.table = {1: Parameter(1.0), "1": Parameter(2.0)}
    with pytest.raises(OptionError, match=r"are called 'table\.1'"):
        model.state_dict()


def test_long_lists_of_names_are_cut() -> None:
    with pytest.raises(UnknownNameError, match="and 8 more"):
        MLP(2, [3, 1]).load_state_dict({})


# Scopes


def paths(output: Value) -> set[str]:
    return {node.scope.path for node in topological([output]) if node.scope is not None}


def test_every_value_knows_the_neuron_that_made_it() -> None:
    model = MLP(2, [2, 1])
    output = model([1.0, 2.0])
    assert paths(output) == {"layers.0.neurons.0", "layers.0.neurons.1", "layers.1.neurons.0"}
    assert output.scope is not None
    assert [scope.kind for scope in output.scope.chain()] == ["MLP", "Layer", "Neuron"]
    assert (output * 2).scope is None
    assert repr(output.scope) == "Scope('layers.1.neurons.0', Neuron)"


def test_parameters_belong_to_no_call() -> None:
    model = MLP(2, [1])
    assert all(p.scope is None for p in model.parameters())


def test_scopes_of_other_modules_and_of_modules_in_modules() -> None:
    class Outer(Module):
        def __init__(self) -> None:
            self.inner = Mixed()

        def forward(self, x: Any) -> Any:
            return self.inner(x) + 1

    model = Outer()
    output = model([3.0])
    assert output.scope.path == ""
    assert paths(output) == {"", "inner", "inner.heads.left"}
    steps = Sequential(Layer(1, 1), lambda x: x[0] * 2)
    assert paths(steps([1.0])) == {"", "steps.0.neurons.0"}


def test_two_calls_are_two_scopes() -> None:
    neuron = Neuron(1, activation=None)
    first, second = neuron([1.0]), neuron([2.0])
    assert first.scope is not second.scope


# Text


def test_a_module_without_forward_says_so() -> None:
    class Empty(Module):
        pass

    with pytest.raises(TypeError, match="Empty has no forward"):
        Empty()([1.0])


def test_repr_and_summary() -> None:
    assert (
        repr(MLP(2, [3, 1], activation="tanh"))
        == "MLP(2 → 3 → 1)\n  (layers.0) Layer(2 → 3, tanh)\n  (layers.1) Layer(3 → 1)"
    )
    assert repr(Neuron(3, activation=None)) == "Neuron(3)"
    assert "(heads.left) Neuron(1, relu)" in repr(Mixed())
    summary = Sequential(MLP(2, [3, 1]), Layer(1, 2)).summary().splitlines()
    assert [line.split()[0] for line in summary] == [
        "module",
        "(whole)",
        "steps.0",
        "steps.0.layers.0",
        "steps.0.layers.1",
        "steps.1",
    ]
    assert [line.split()[-1] for line in summary] == ["parameters", "17", "13", "9", "4", "4"]
    assert len({len(line) for line in summary}) == 1


def test_a_module_is_seeded_by_a_number_or_a_generator() -> None:
    rng = Random(5)
    first, second = Neuron(2, seed=rng), Neuron(2, seed=rng)
    assert first.state_dict() == Neuron(2, seed=5).state_dict()
    assert first.state_dict() != second.state_dict()


class Counter(Module):
    """A module with state that is not learned, and one that looks at the whole batch."""

    batchwise = True

    def __init__(self) -> None:
        self.mean, self.scale, self.generator = Buffer(0.5, label="mean"), Parameter(2.0), Random(3)

    def forward(self, x: Any) -> Any:
        return [item * self.scale - self.mean for item in x]

    def forward_batch(self, rows: Any) -> Any:
        total = sum(row[0].data for row in rows)
        return [[item * self.scale - total for item in row] for row in rows]


def test_buffers_are_part_of_the_state_and_are_not_parameters() -> None:
    model = Sequential(Layer(1, 1), Counter())
    assert [name for name, _ in model.named_buffers()] == ["steps.1.mean"]
    assert list(model.state_dict()) == [*names(model), "steps.1.mean"]
    model.load_state_dict(model.state_dict() | {"steps.1.mean": 7.0})
    assert model.steps[1].mean.data == 7.0
    assert [path for path, _ in model.named_generators()] == ["steps.1.generator"]


def test_a_batch_is_a_call_for_each_sample() -> None:
    model, rows = MLP(2, [3, 1], seed=1), [[1.0, 2.0], [-1.0, 0.5]]
    assert [value.data for value in model.batch(rows)] == [model(row).data for row in rows]


def test_a_batchwise_module_sees_all_samples_in_training_only() -> None:
    model = Sequential(Layer(1, 1, activation=None), Counter())
    inner = model.steps[0]
    rows = [[1.0], [2.0]]
    total = sum(inner(row)[0].data for row in rows)
    assert model.needs_batch
    outputs = model.batch(rows)
    assert [row[0].data for row in outputs] == [inner(row)[0].data * 2.0 - total for row in rows]
    assert outputs[1][0].scope.path == "steps.1"
    model.eval()
    assert not model.needs_batch
    assert [row[0].data for row in model.batch(rows)] == [
        inner(row)[0].data * 2.0 - 0.5 for row in rows
    ]


def test_a_module_that_can_not_pass_a_batch_says_what_to_do() -> None:
    class Own(Module):
        def __init__(self) -> None:
            self.inner = Counter()

        def forward(self, x: Any) -> Any:
            return self.inner(x)

    with pytest.raises(
        CallError, match=r"Own does not say how a batch passes Counter.*forward_batch"
    ):
        Own().batch([[Value(1.0)]])


def test_freeze_and_unfreeze() -> None:
    model = MLP(2, [3, 1], activation="tanh")
    assert model.layers[0].freeze() is model.layers[0]
    assert [p.trainable for p in model.parameters()] == [False] * 9 + [True] * 4
    model([1.0, 1.0]).backward()
    assert any(p.grad for p in model.layers[0].parameters())
    model.unfreeze()
    assert all(p.trainable for p in model.parameters())


def test_a_part_of_a_state_can_be_loaded() -> None:
    trained, model = MLP(2, [3, 2], seed=1), MLP(2, [3, 4], seed=2)
    before = model.state_dict()
    model.layers[0].load_state_dict(trained.layers[0].state_dict())
    first = {
        name: number for name, number in trained.state_dict().items() if name.startswith("layers.0")
    }
    assert model.state_dict() == before | first
    other = MLP(2, [3, 4], seed=2)
    other.load_state_dict(first | {"elsewhere": 1.0}, strict=False)
    assert other.state_dict() == model.state_dict()
    with pytest.raises(UnknownNameError, match="no name in common"):
        other.load_state_dict({"elsewhere": 1.0}, strict=False)
    with pytest.raises(DataError):
        other.load_state_dict(dict.fromkeys(first, "x"), strict=False)
    assert other.state_dict() == model.state_dict()


# Parameters replaced by what would never be learned


@pytest.mark.parametrize(
    "number",
    [
        lambda bias: bias - 0.1,
        lambda bias: 0.5,
        lambda bias: Value(0.5),
        lambda bias: np.float32(0.5),
        lambda bias: 1,
    ],
    ids=["computed", "float", "Value", "NumPy", "int"],
)
def test_a_parameter_is_not_replaced_by_a_number(number: Any) -> None:
    neuron = Neuron(2)
    bias = neuron.bias
    with pytest.raises(
        DataError, match=r"bias of Neuron is a Parameter.*bias\.data -= 0\.1 \* bias\.grad"
    ):
        neuron.bias = number(bias)
    assert neuron.bias is bias


@pytest.mark.parametrize(
    "replaced",
    [
        lambda weights: [weight - 0.1 for weight in weights],
        lambda weights: [weights[0], weights[1] - 0.1],
        lambda weights: (0.1, 0.2),
        lambda weights: np.array([0.1, 0.2]),
        lambda weights: np.array(weights) - 0.1,
    ],
    ids=["list", "one of them", "tuple", "array", "array of Values"],
)
def test_a_list_of_parameters_is_not_replaced_by_numbers(replaced: Any) -> None:
    neuron = Neuron(2)
    with pytest.raises(DataError, match=r"weights\[[01]\] of Neuron is a Parameter"):
        neuron.weights = replaced(neuron.weights)
    assert len(neuron.parameters()) == 3


def test_an_assignment_with_an_operator_is_one_too() -> None:
    neuron = Neuron(2)
    with pytest.raises(DataError, match="is a Parameter"):
        neuron.bias -= 0.1  # type: ignore[assignment]


@pytest.mark.parametrize("other", [Parameter(1.0), Buffer(1.0), Constant(1.0), None], ids=repr)
def test_what_says_whether_it_learns_may_replace_a_parameter(other: Any) -> None:
    neuron = Neuron(2)
    neuron.bias = other
    assert neuron.bias is other


def test_a_buffer_is_not_replaced_by_a_number() -> None:
    module = Counter()
    with pytest.raises(
        DataError, match=r"mean of Counter is a Buffer.*lost from the state.*mean\.data = "
    ):
        module.mean = module.mean * 0.9  # type: ignore[assignment]
    module.mean = Buffer(0.25)
    assert module.state_dict()["mean"] == 0.25


def test_other_attributes_are_replaced_freely() -> None:
    model = Mixed()
    model.value, model.number, model.name = 2.0, Value(3.0), [1.0]  # type: ignore[assignment]
    model.heads = {"left": Neuron(1), "right": Neuron(1)}
    model.table = [[Parameter(1.0)]]
    assert len(model.parameters()) == 6

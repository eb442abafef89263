"""Models to PyTorch and back: the numbers of both agree to 1e-12, in both directions."""

import pickle
from functools import partial
from typing import Any

import numpy
import pytest

import scalargrad as sg
from scalargrad import nn
from scalargrad.errors import LengthError, OptionError
from scalargrad.interop import from_torch, to_torch
from scalargrad.interop.torch_activations import ACTIVATIONS

torch = pytest.importorskip("torch")

RNG = numpy.random.default_rng(0)


def shake(model: nn.Module) -> nn.Module:
    """Give every number of a model, biases and statistics too, one of its own."""
    for _, leaf in [*model.named_parameters(), *model.named_buffers()]:
        leaf.data = float(RNG.uniform(0.1, 1.0))
    return model


def ours(model: Any, x: Any) -> Any:
    """The numbers of a model for a batch."""
    answers = []
    for row in x.tolist():
        answer = model(row)
        answers.append([answer] if isinstance(answer, sg.Value) else answer)
    return numpy.vectorize(float)(numpy.array(answers, dtype=object))


VECTORS = RNG.normal(size=(4, 3))
IMAGES = RNG.normal(size=(2, 2, 6, 5))
TOKENS = RNG.integers(0, 5, size=(4, 3))

MODELS: dict[str, tuple[Any, Any]] = {
    "mlp": (nn.MLP(3, [4, 2], activation="tanh", output_activation="softmax"), VECTORS),
    "one output": (nn.MLP(3, [4, 1], bias=False), VECTORS),
    "prelu": (nn.Layer(3, 4, activation="prelu"), VECTORS),
    "shared prelu": (nn.Layer(3, 4, activation=nn.PReLU()), VECTORS),
    "slope": (nn.Layer(3, 4, activation=partial(sg.leaky_relu, slope=0.3)), VECTORS),
    "normalized": (
        nn.Sequential(nn.Layer(3, 4, None), nn.BatchNorm(4, activation="elu"), nn.LayerNorm(4)),
        VECTORS,
    ),
    "convolution": (
        nn.Sequential(
            nn.Conv(2, 3, (3, 2), stride=(1, 2), padding=1),
            nn.MaxPool(2),
            nn.Flatten(),
            nn.Dropout(0.5),
            nn.Layer(9, 2, None),
        ),
        IMAGES,
    ),
    "average": (nn.Sequential(nn.Conv(2, 2, 2, activation="silu"), nn.AvgPool(2)), IMAGES),
    "embedding": (nn.Sequential(nn.Embedding(5, 2), nn.Flatten(), nn.Layer(6, 2)), TOKENS),
    "sequence": (nn.Sequential(nn.Embedding(5, 2), nn.TimeDistributed(nn.Layer(2, 3))), TOKENS),
    "rms": (nn.RMSNorm(3), VECTORS),
    "rms without scale": (nn.RMSNorm(3, 1e-3, elementwise_affine=False), VECTORS),
    "residual": (nn.Sequential(nn.Residual(nn.Layer(3, 3), nn.LayerNorm(3)), sg.softmax), VECTORS),
}
SHARED = nn.Layer(3, 3, "tanh")
SLOPES = nn.PReLU()
MODELS |= {
    "a layer twice": (nn.Sequential(SHARED, nn.Sequential(SHARED, nn.Layer(3, 2))), VECTORS),
    "a prelu twice": (nn.Sequential(nn.Layer(3, 3, SLOPES), nn.Layer(3, 2, SLOPES)), VECTORS),
}


def tensor(x: Any) -> Any:
    return torch.tensor(x) if x.dtype.kind == "i" else torch.tensor(x, dtype=torch.float64)


@pytest.mark.parametrize(("model", "x"), MODELS.values(), ids=list(MODELS))
def test_a_model_in_pytorch_computes_the_same(model: Any, x: Any) -> None:
    model = shake(model).eval()
    found = to_torch(model)(tensor(x)).detach().numpy()
    numpy.testing.assert_allclose(found, ours(model, x), rtol=1e-12)


BACK = [name for name in MODELS if name != "sequence"]


@pytest.mark.parametrize("name", BACK)
def test_a_model_of_a_module_computes_the_same(name: str) -> None:
    model, x = MODELS[name]
    module = to_torch(shake(model).eval())
    made = from_torch(module)
    found = module(tensor(x)).detach().numpy()
    numpy.testing.assert_allclose(ours(made, x), found, rtol=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_weights_come_back_to_a_model_of_the_same_shape(name: str) -> None:
    model, x = MODELS[name]
    expected = ours(shake(model).eval(), x)
    module = to_torch(model)
    assert from_torch(module, shake(model)) is model
    assert numpy.array_equal(ours(model, x), expected)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_every_activation_is_that_of_pytorch(name: Any) -> None:
    x = numpy.linspace(-40.0, 40.0, 41)[:, None] * [1.0, 0.1]
    layer = nn.Layer(2, 2, name, initializer=nn.given([[1.0, 0.0], [0.0, 1.0]]))
    found = to_torch(layer)(tensor(x)).detach().numpy()
    # PyTorch divides by 6 in single precision in one of them.
    bound = 1e-7 if name == "hardsigmoid" else 1e-12
    numpy.testing.assert_allclose(found, ours(layer, x), rtol=bound, atol=1e-15)


def test_cells_compute_the_same_steps() -> None:
    x = RNG.normal(size=(2, 3))
    for cell in (nn.RNNCell(3, 2), nn.GRUCell(3, 2), nn.GRUCell(3, 2, bias=False)):
        module = to_torch(shake(cell))
        state = cell(x[1].tolist(), cell(x[0].tolist()))
        theirs = module(tensor(x[1:]), module(tensor(x[:1])))
        numpy.testing.assert_allclose(theirs.detach().numpy()[0], [h.data for h in state])
        again = from_torch(module)
        assert [h.data for h in again(x[0].tolist())] == [h.data for h in cell(x[0].tolist())]


def test_a_cell_with_a_memory_computes_the_same_steps_and_adds_two_biases() -> None:
    x = RNG.normal(size=(1, 3))
    module = torch.nn.LSTMCell(3, 2).double()
    h, c = from_torch(module)(x[0].tolist())
    their_h, their_c = module(tensor(x))
    numpy.testing.assert_allclose([v.data for v in h], their_h.detach()[0], rtol=1e-12)
    numpy.testing.assert_allclose([v.data for v in c], their_c.detach()[0], rtol=1e-12)


def test_a_layer_of_cells_gives_its_weights_to_a_recurrent_model() -> None:
    x = RNG.normal(size=(4, 3))
    module = torch.nn.LSTM(3, 2).double()
    model = from_torch(module, nn.Recurrent(nn.LSTMCell(3, 2)))
    found = [[h.data for h in row] for row in model(x.tolist())]
    numpy.testing.assert_allclose(found, module(tensor(x))[0].detach(), rtol=1e-12)


def test_attention_computes_the_same() -> None:
    rows = RNG.normal(size=(3, 4))
    model = shake(nn.Attention(4, heads=2))
    module = to_torch(model)
    theirs = module(*[tensor(rows)[None]] * 3)[0].detach().numpy()[0]
    for attention in (model, from_torch(module)):
        found = [[y.data for y in row] for row in attention(rows.tolist())]
        numpy.testing.assert_allclose(found, theirs, rtol=1e-12)


def theirs(module: Any, x: Any) -> Any:
    return module.double()(tensor(x)).detach().numpy()


LINEAR = torch.nn.Linear(3, 3)
RELU = torch.nn.ReLU()
SLOPE = torch.nn.PReLU()
MODULES: dict[str, Any] = {
    "an activation twice": torch.nn.Sequential(
        torch.nn.Linear(3, 4), RELU, torch.nn.Linear(4, 2), RELU
    ),
    "a layer twice": torch.nn.Sequential(LINEAR, torch.nn.Tanh(), LINEAR),
    "a layer twice in two places": torch.nn.Sequential(LINEAR, torch.nn.Sequential(LINEAR)),
    "slopes twice": torch.nn.Sequential(torch.nn.Linear(3, 3), SLOPE, torch.nn.Linear(3, 3), SLOPE),
    "nested": torch.nn.Sequential(
        torch.nn.Sequential(torch.nn.Linear(3, 4)),
        torch.nn.Tanh(),
        torch.nn.Sequential(torch.nn.Identity(), torch.nn.Sequential(torch.nn.Linear(4, 1))),
    ),
    "two activations": torch.nn.Sequential(LINEAR, torch.nn.ReLU(), torch.nn.Tanh()),
}


@pytest.mark.parametrize("name", MODULES)
def test_a_sequential_is_read_as_it_computes(name: str) -> None:
    module = MODULES[name]
    expected = theirs(module, VECTORS)
    numpy.testing.assert_allclose(ours(from_torch(module), VECTORS), expected, rtol=1e-12)


class Doubled(torch.nn.Linear):  # type: ignore[misc]
    def forward(self, x: Any) -> Any:
        return 2.0 * super().forward(x)


class Added(torch.nn.Sequential):  # type: ignore[misc]
    def forward(self, x: Any) -> Any:
        return x + super().forward(x)


class ReLU(torch.nn.Module):  # type: ignore[misc]
    def forward(self, x: Any) -> Any:
        return -x


def hooked() -> Any:
    module = torch.nn.Linear(2, 2)
    module.register_forward_hook(lambda _, __, output: 2.0 * output)
    return module


OTHERS: dict[str, Any] = {
    "a subclass": Doubled(2, 2),
    "a sequence that adds": Added(torch.nn.Linear(2, 2)),
    "a class of the same name": torch.nn.Sequential(torch.nn.Linear(2, 2), ReLU()),
    "a hook": hooked(),
    "dilation": torch.nn.MaxPool2d(2, dilation=2),
    "indices": torch.nn.MaxPool2d(2, return_indices=True),
    "another divisor": torch.nn.AvgPool2d(2, divisor_override=3),
    "a norm that is limited": torch.nn.Embedding(5, 2, max_norm=0.5),
    "a zero to attend to": torch.nn.MultiheadAttention(4, 2, add_zero_attn=True),
    "two axes": torch.nn.LayerNorm((2, 2)),
    "no shift": torch.nn.LayerNorm(2, bias=False),
    "an average of all": torch.nn.BatchNorm1d(2, momentum=None),
}


@pytest.mark.parametrize("module", OTHERS.values(), ids=list(OTHERS))
def test_a_module_that_computes_something_else_is_refused(module: Any) -> None:
    with pytest.raises(OptionError, match=r"no layer for|forward hooks"):
        from_torch(module)


def test_a_function_that_only_has_the_name_of_an_activation_is_refused() -> None:
    def relu(x: Any) -> Any:
        return 2.0 * x

    with pytest.raises(OptionError, match="a function of yours named 'relu'"):
        to_torch(nn.Layer(2, 2, relu))


def test_what_is_used_twice_is_one_module_and_one_layer() -> None:
    module = to_torch(MODELS["a layer twice"][0])
    assert module[0] is module[2]
    made = from_torch(module)
    assert len(made.parameters()) == len(MODELS["a layer twice"][0].parameters())
    assert len(list(to_torch(MODELS["a prelu twice"][0]).parameters())) == 5


def test_what_is_frozen_stays_frozen() -> None:
    model = nn.MLP(2, [3, 1])
    model.layers[0].freeze()
    module = to_torch(model)
    assert [p.requires_grad for p in module.parameters()] == [False, False, True, True]
    made = from_torch(module)
    assert [p.trainable for p in made.parameters()] == [p.trainable for p in model.parameters()]
    model.layers[1].neurons[0].weights[0].trainable = False
    assert all(p.requires_grad for p in to_torch(model.layers[1]).parameters())
    assert not any(p.requires_grad for p in to_torch(nn.LSTMCell(2, 2).freeze()).parameters())


def test_a_residual_of_pytorch_can_be_pickled() -> None:
    module = to_torch(nn.Residual(nn.Layer(3, 3)))
    again = pickle.loads(pickle.dumps(module))
    assert numpy.array_equal(theirs(again, VECTORS), theirs(module, VECTORS))


def test_the_dropout_of_attention_comes_along() -> None:
    assert from_torch(torch.nn.MultiheadAttention(4, 2, dropout=0.25)).dropout.mask.p == 0.25


def test_the_mode_comes_along() -> None:
    model = nn.Sequential(nn.Layer(2, 2), nn.Dropout(0.5))
    assert to_torch(model.train()).training
    assert not to_torch(model.eval()).training
    assert not from_torch(to_torch(model)).training


def test_what_has_no_counterpart_is_refused() -> None:
    with pytest.raises(OptionError, match="no module of PyTorch for Recurrent"):
        to_torch(nn.Recurrent(nn.RNNCell(2, 2)))
    with pytest.raises(OptionError, match="to each position"):
        to_torch(nn.TimeDistributed(nn.Residual(nn.Flatten())))
    with pytest.raises(OptionError, match="causal mask in each call"):
        to_torch(nn.Attention(2, causal=True))
    with pytest.raises(OptionError, match="takes a model, not Value"):
        to_torch(sg.Value(1.0))  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="a model to copy to, not int"):
        from_torch(torch.nn.Linear(2, 2), 3)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="no layer for MaxPool2d"):
        from_torch(torch.nn.MaxPool2d(2, padding=1))
    with pytest.raises(OptionError, match="no activation such as Softmax"):
        from_torch(torch.nn.Softmax(dim=0))
    with pytest.raises(OptionError, match="after a Linear"):
        from_torch(torch.nn.PReLU())
    with pytest.raises(OptionError, match="no activation of PyTorch for 'sin'"):
        to_torch(nn.Layer(2, 2, "sin"))
    with pytest.raises(OptionError, match="several tensors"):
        to_torch(nn.Sequential(nn.Attention(2)))
    with pytest.raises(OptionError, match="no layer for Bilinear"):
        from_torch(torch.nn.Bilinear(2, 2, 2))
    with pytest.raises(OptionError, match="without groups"):
        from_torch(torch.nn.Conv2d(2, 2, 2, groups=2))
    with pytest.raises(OptionError, match=r"takes a torch\.nn\.Module, not MLP"):
        from_torch(nn.MLP(2, [1]))


def test_another_shape_is_refused_and_nothing_changes() -> None:
    model = nn.MLP(2, [3, 2], seed=0)
    before = model.state_dict()
    module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
    with pytest.raises(LengthError, match=r"weight has the shape \(2, 3\) in the model, \(1, 3\)"):
        from_torch(module, model)
    with pytest.raises(LengthError, match=r"2 layers with weights \(Layer, Layer\), the module 1"):
        from_torch(torch.nn.Linear(2, 3), model)
    with pytest.raises(LengthError, match="have other arrays"):
        from_torch(torch.nn.Linear(2, 3, bias=False), nn.Layer(2, 3))
    assert model.state_dict() == before

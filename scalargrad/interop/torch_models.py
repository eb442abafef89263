"""Models of PyTorch from those here, and the other way round, with the same weights in float64."""

from collections.abc import Iterator
from typing import Any

import numpy

from scalargrad.core.exchange import warn_of_programs
from scalargrad.errors import LengthError, OptionError
from scalargrad.nn import Module
from scalargrad.utils.calls import explain_calls

from .extras import require
from .torch_builders import build_modules
from .torch_readers import make_model
from .weights import Numbers, Weights, find_weights


@explain_calls
def to_torch(model: Module) -> Any:
    """Make a module of PyTorch that computes what a model computes, with copies of its weights.

    It takes batches, along the first axis, in float64. An MLP or a Layer becomes a
    `torch.nn.Sequential` of `Linear` and activations; Conv, pooling, Flatten, Dropout,
    normalization, Embedding, the recurrent cells and Attention become the modules of these names,
    and a Residual a `Sequential` that adds its input. A layer that is used twice is one module. A
    tensor is frozen if all its numbers are. Where a model returns one Value, the module returns a
    column.

    Args:
        model: The model.

    Returns:
        A `torch.nn.Module` in the mode of the model.

    Raises:
        MissingLibraryError: If PyTorch is not installed.
        OptionError: For a part that PyTorch has no module for.

    Example:
        A module of the same weights, whose numbers are those of the model:
        `to_torch(MLP(2, [3, 1], "tanh"))(torch.tensor([[1.0, -2.0]], dtype=torch.float64))`.
    """
    torch = _torch()
    if not isinstance(model, Module):
        raise OptionError(f"to_torch takes a model, not {type(model).__name__}")
    warn_of_programs(model)
    parts = build_modules(torch, model)
    if not parts:
        raise OptionError(f"to_torch takes a model with layers, not {type(model).__name__}")
    module = parts[0] if len(parts) == 1 else torch.nn.Sequential(*parts)
    # All numbers here are float64; the initial weights of PyTorch are overwritten below.
    module = module.double()
    pairs = zip(find_weights(model), _find_theirs(torch, module), strict=True)
    for ours, theirs in pairs:
        own_names = theirs.state_dict()
        arrays = {name: torch.tensor(array) for name, array in ours.read().items()}
        theirs.load_state_dict({n: arrays[n] for n in own_names if n in arrays}, strict=False)
        for name, parameter in theirs.named_parameters():
            leaves = ours.leaves[ours.added.get(name, name)]
            parameter.requires_grad_(any(leaf.trainable for leaf in leaves.ravel()))
    return module.train(model.training)


@explain_calls
def from_torch(module: Any, model: Module | None = None) -> Module:
    """Copy the weights of a module of PyTorch to a model; without one, make the model.

    The layers of both are paired in their order. A model is made of a `Sequential` of layers that
    `to_torch` returns, which may be nested, or of one of them: its activations become those of the
    Layers before them, and what is frozen there is frozen here.

    Args:
        module: A `torch.nn.Module`.
        model: What receives the weights; layers of other sizes are refused, and nothing changes.

    Returns:
        The model.

    Raises:
        MissingLibraryError: If PyTorch is not installed.
        OptionError: For a module that there is no layer for: also one of a class with a `forward`
            of its own, or with hooks.
        LengthError: If layers or shapes differ.

    Example:
        `from_torch(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh()))` is a Layer of
        three neurons with tanh.
    """
    torch = _torch()
    if not isinstance(module, torch.nn.Module):
        raise OptionError(f"from_torch takes a torch.nn.Module, not {type(module).__name__}")
    if not isinstance(model, Module | None):
        raise OptionError(f"from_torch takes a model to copy to, not {type(model).__name__}")
    receiver = make_model(torch, module) if model is None else model
    ours = find_weights(receiver)
    theirs = list(_find_theirs(torch, module))
    if len(ours) != len(theirs):
        raise LengthError(
            f"the model has {len(ours)} layers with weights "
            f"({', '.join(weights.name for weights in ours)}), the module {len(theirs)} "
            f"({', '.join(type(part).__name__ for part in theirs)})"
        )
    # Everything is checked before the first weight is written.
    pairs: list[tuple[Any, float]] = []
    for position, (weights, part) in enumerate(zip(ours, theirs, strict=True)):
        arrays = _arrays_of(part)
        names = {*weights.leaves, *weights.added}
        where = f"layer {position}: {weights.name} and {type(part).__name__}"
        if not set(weights.leaves) <= set(arrays) <= names:
            raise LengthError(f"{where} have other arrays: {sorted(names)} and {sorted(arrays)}")
        for name, leaves in weights.leaves.items():
            if leaves.shape != arrays[name].shape:
                raise LengthError(
                    f"{where}: {name} has the shape {leaves.shape} in the model, "
                    f"{arrays[name].shape} in the module"
                )
        pairs += weights.pair(arrays)
    for leaf, number in pairs:
        leaf.data = number
    if model is None:
        _freeze_alike(ours, theirs)
    receiver.train(module.training)
    return receiver


def _torch() -> Any:
    return require("torch", "PyTorch", "torch")


def _freeze_alike(ours: list[Weights], theirs: list[Any]) -> None:
    """Freeze the parameters that are frozen in PyTorch."""
    for weights, part in zip(ours, theirs, strict=True):
        for name, parameter in part.named_parameters():
            if name in weights.leaves and not parameter.requires_grad:
                for leaf in weights.leaves[name].ravel():
                    leaf.trainable = False


def _find_theirs(torch: Any, module: Any) -> Iterator[Any]:
    """Yield the parts of a module that have weights, in its order, each once."""
    seen: set[int] = set()

    def visit(part: Any) -> Iterator[Any]:
        if id(part) in seen:
            return
        seen.add(id(part))
        if isinstance(part, torch.nn.MultiheadAttention) or not list(part.children()):
            if part.state_dict():
                yield part
            return
        for child in part.children():
            yield from visit(child)

    yield from visit(module)


def _arrays_of(part: Any) -> dict[str, Numbers]:
    """Return the arrays of a part by name; those of a single layer of an RNN as for its cell."""
    arrays: dict[str, Numbers] = {}
    for name, tensor in part.state_dict().items():
        if name != "num_batches_tracked":
            array = tensor.detach().cpu().numpy().astype(numpy.float64)
            arrays[name.removesuffix("_l0")] = array
    return arrays

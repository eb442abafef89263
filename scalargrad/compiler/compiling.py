"""The function `compile`: check its arguments, then record a program."""

from collections.abc import Callable, Sequence
from typing import Any

from scalargrad.core.unlearned import is_reported, warn_unlearned
from scalargrad.core.value import Parameter
from scalargrad.errors import DataError, TraceError
from scalargrad.nn.naming import list_names
from scalargrad.nn.parameter_nest import Model, as_module
from scalargrad.utils.calls import explain_calls
from scalargrad.utils.garbage import collector_off, expect_long_life

from .backend import BackendName, backend_maker
from .compiled import Compiled
from .jax_backend import Devices
from .tracing import Input

__all__ = ["compile"]

_MANY_ROWS = 10_000
"""How large a recorded graph is whose nodes the collector should leave alone. To find out whether
that may be done takes as long as the user has objects frozen, too long for a small one.
"""


@explain_calls
def compile(
    function: Callable[..., Any],
    model: Model | None = None,
    inputs: Sequence[Input] = (),
    backend: BackendName = "auto",
    devices: Devices = None,
) -> Compiled:
    """Record `function` once and return it as array code.

    The graph of one sample is recorded, in the mode that the model is in (training or evaluation).
    The batch becomes an axis. Sums may be added up in another order, so the last digits, and the
    sign of a zero, may differ from those of eager code.

    While the function is recorded, Values have no numbers: a branch on one, `.data`, float(), or
    `backward()` inside the function raises TraceError. Values from outside (a Buffer, a Value of
    the user, a Parameter of another model) are read again at each call. A loop of Python is
    recorded step by step, `scalargrad.scan` as one loop.

    Derivatives inside the function are recorded, to any order: `grad`, `value_and_grad`, `jvp`,
    `hvp`, `hessian`, `jacobian` and `GradientTape`. So a loss may hold a derivative of a network by
    its inputs, as physics-informed networks and gradient penalties have it.

    Plain Python numbers are constants of the trace. Those under names that the function (or a
    function of the user that it names) reads from its closure or its module are compared at each
    call, as are text and the lengths of containers; small containers of plain numbers are compared
    entry by entry. If one has changed, the call raises TraceError. Numbers kept elsewhere, such as
    in attributes, are not watched, and neither are files and clocks.

    Random numbers from generators of Python and NumPy that are global, the model's, or under such a
    name are refused. Dropout is fine.

    The program computes with parameters of its own, which `read` and `write_back` exchange with the
    model. An optimizer over `model.parameters()` changes those of the model: call `program.read()`
    after each of its steps. A StaleWarning says so where it was forgotten.

    Args:
        function: Takes one argument for each entry of `inputs`: a list of that many Values, a
            single Value for 1. Returns a Value, or Values nested in lists, tuples and dicts.
        model: The Module whose parameters are learned, or those of plain functions: nested lists
            and dicts of Parameters, as `sg.parameters` returns them. Gradients come in the order of
            `model.parameters()`, or in that of the nest.
        inputs: The length of each argument; "token" for an argument that is an integer in each
            sample, ("token", 8) for eight integers. They are numbers like others, and may also be
            looked up, by `sg.take` and `nn.Embedding`. Leave it out for a function without
            arguments, which is computed as a batch of one.
        backend: "auto" and "numpy" for NumPy, which is ready at once. Or "jax" for functions that
            jax.jit, jax.grad and JAX's sharding take (see `Compiled.pure`). It needs JAX (pip
            install jax) and sets it to 64 bits. "native" compiles to machine code by llvmlite (pip
            install "scalargrad-viz[native]"), which takes 0.1 to 0.4 seconds in the first call for
            a network of usual size. Programs that native code does not support, or with more than
            2,000 kernels, are computed by NumPy, and `explain` says why.
        devices: With "jax", the devices that share each batch: how many, or a list of them. None
            computes on the first one. demos/parallel.py shows it. With "native", how many threads
            share each batch that is large enough.

    Returns:
        The program.

    Raises:
        TraceError: The function can't be recorded.
        OptionError: An option has an invalid value.
        DataError: `function` or `model` has the wrong type, or the function returns no Values.

    Warns:
        UnlearnedWarning: The function uses a trainable Parameter that `model` does not own.

    Example:
        >>> import numpy
        >>> from scalargrad.losses import mse
        >>> from scalargrad.nn import MLP
        >>> model = MLP(2, [3, 1], seed=1)
        >>> program = compile(lambda x, y: mse(model(x), y), model, inputs=(2, 1))
        >>> loss, gradient = program.value_and_grad(numpy.ones((5, 2)), numpy.zeros((5, 1)))
        >>> gradient.shape
        (13,)

        A model that takes three integers:

        >>> from scalargrad.nn import Embedding, Flatten, Layer, Sequential
        >>> model = Sequential(Embedding(27, 4, seed=1), Flatten(), Layer(12, 2, seed=2))
        >>> program = compile(model, model, inputs=[("token", 3)])
        >>> program([[5, 13, 13], [0, 0, 26]]).shape
        (2, 2)

        A loss with a second derivative of the network u, for u″ = -sin(x):

        >>> from scalargrad import grad, sin
        >>> u = MLP(1, [8, 1], "tanh", seed=1)
        >>> def residual(x):
        ...     curvature = grad(grad(lambda z: u([z])))(x)
        ...     return (curvature + sin(x)) ** 2
        >>> physics = compile(residual, u, inputs=(1,))
        >>> physics.value_and_grad(numpy.linspace(0.0, 3.0, 32))[1].shape
        (25,)
    """
    if not callable(function):
        raise DataError(f"compile takes a function, not {type(function).__name__}")
    if _are_lengths(model):
        raise DataError(
            f"model must be a Module, not {type(model).__name__}: give the lengths of the "
            f"arguments by name, inputs={model!r}"
        )
    module = None if model is None else as_module(model)
    make_backend = backend_maker(backend, devices)
    if module is not None and module.needs_batch:
        raise TraceError(
            f"{module.batchwise_parts()} takes statistics of a batch while it trains, and a "
            "program is recorded for one sample: use LayerNorm, or model.eval() first; to train "
            "with it, fit with compiled=False"
        )
    # A trace makes nodes by the million and no cycles: the collector would only walk over them.
    with collector_off():
        program = Compiled(function, module, inputs, make_backend)
        if program.recorded_rows >= _MANY_ROWS:
            expect_long_life()
    _warn_of_unlearned(program)
    return program


def _are_lengths(thing: object) -> bool:
    """Return whether something is what `inputs` takes."""
    items = thing if isinstance(thing, (list, tuple)) else [thing]
    return all(isinstance(item, (int, str, tuple)) for item in items)


def _warn_of_unlearned(program: Compiled) -> None:
    """Warn of trainable parameters that the function uses and `model` does not own."""
    unlearned = [
        leaf for leaf in program.program.leaves if isinstance(leaf, Parameter) and leaf.trainable
    ]
    if not unlearned or is_reported(id(program.model)):
        return

    names = [f"Parameter {leaf.label or 'without a label'} ({leaf._data:g})" for leaf in unlearned]
    reason = "which the model does not own"
    if program.model is None:
        reason = "but compile was given no model"
    warn_unlearned(
        f"the compiled function uses {list_names(names)}, {reason}: its number is read at "
        "each call, and no gradient is computed for it. To learn it, make it an attribute of "
        "the Module, or part of the nest, that compile is given as `model`; if it should not "
        "learn, set its trainable = False, or use a Value"
    )

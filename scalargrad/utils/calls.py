"""Errors for wrong arguments: what a call got wrong, and what was probably meant."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from inspect import Parameter, Signature, signature, unwrap
from typing import Any, TypeVar

from scalargrad.errors import CallError
from scalargrad.terminal import printable

from .spelling import nearest, parse_synonyms

F = TypeVar("F", bound=Callable[..., Any])

_BY_NAME = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
_BY_POSITION = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)

# Each line holds names of one argument, in this library and elsewhere.
_ARGUMENTS = parse_synonyms("""
    learning_rate lr eta step_size rate alpha
    optimizer optimiser opt optim rule
    initializer initialiser init weight_init kernel_initializer initialization initialisation
    bias_initializer bias_initialiser bias_init
    activation activations act nonlinearity activation_function act_fn
    output_activation last_activation final_activation
    epochs epoch n_epochs num_epochs nb_epoch max_iter iterations n_iter steps
    epoch epochs
    batch_size batchsize bs batch minibatch_size
    size batch_size hidden_size units features dim
    weight_decay decay wd l2
    penalty regularization regularisation regularizer regulariser kernel_regularizer weight_decay
    validation validation_data validation_split validation_set val val_data eval_set
    metrics metric
    callbacks callback
    progress verbose
    seed random_state rng generator random_seed
    resume resume_from checkpoint ckpt
    compiled compile jit
    loss criterion loss_fn objective cost
    label name title
    title name caption heading label
    create_graph higher_order
    p rate dropout share dropout_rate prob probability
    probability p prob
    sizes layers hidden hidden_sizes hidden_layers layer_sizes units nouts outputs
    inputs in_features nin input_size n_inputs input_dim in_dim fan_in
    outputs out_features nout output_size n_outputs out_dim units
    channels in_channels
    filters out_channels
    count num_embeddings vocab_size
    size embedding_dim kernel_size kernel num_features normalized_shape
    eps epsilon
    betas beta beta1 beta2 beta_1 beta_2
    gamma factor decay_rate
    factor gamma
    step_size every period
    every step_size period interval
    min_lr eta_min lowest
    length t_max total_steps warmup_steps
    mode maximize higher_is_better
    min_delta least_gain min_improvement
    n n_samples samples count num_samples
    noise std sigma deviation
    deviation std sigma noise
    test test_size val_size
    target y label column
    delimiter sep separator
    gradient grad_output grad grad_tensor seed
    gradients grad_outputs grad_tensors
    unconnected_gradients allow_unused
    level detail kind
    theme mode style color_scheme
    expand open unfold
    colors colours color colour
    limit timeout max_norm clip_value
    program engine
    rankdir direction
    pace speed duration
    reduction reduce size_average
    items xs values
    data x value
    prediction input pred y_pred output
    target y_true label
    f fun function func fn
    function f fun func fn
    inputs input_shape shape example
    absolute atol abs_tol
    relative rtol rel_tol
    step eps h
    slope alpha negative_slope
    rate fps framerate
    scale dpi zoom
    strength weight_decay coefficient alpha
    model module net
""")

_RATE = "the learning rate is the optimizer's: optimizer=Adam(model.parameters(), 0.01)"
_NOTES = {
    "retain_graph": "graphs are kept until nothing refers to them, so it is not needed",
    "nonlin": "for a linear neuron say activation=None",
    "lr": _RATE,
    "learning_rate": _RATE,
    "requires_grad": "every Value takes part in gradients; a Constant takes none",
    "dtype": "all numbers are float64",
    "device": "all numbers are on the processor",
}
"""Hints for arguments of other libraries that have no counterpart here."""


def explain_calls(function: F, hint: Callable[..., str] = lambda *_: "") -> F:
    """Make calls with wrong arguments raise a CallError that says what the function takes.

    There is no overhead unless a call fails with a TypeError. The signature, the types and the
    documentation of the function stay.

    Args:
        function: A function, or the `__init__` of a class, which errors call by the name of the
            class.
        hint: A function of the arguments by position, including `self`, that returns a text to add
            to the error, or "".

    Returns:
        The wrapped function.

    Example:
        >>> @explain_calls
        ... def train(model, *, learning_rate=0.1):
        ...     return learning_rate
        >>> train(None, lr=0.5)
        Traceback (most recent call last):
        scalargrad.errors.CallError: train has no argument 'lr'; did you mean 'learning_rate'?
    """

    @wraps(function)
    def explained(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except CallError:
            raise
        except TypeError:
            # Usually the function itself raised it, for arguments that fit its signature.
            wrong = what_is_wrong(function, args, options)
            if wrong is None:
                raise
        more = hint(*args)
        raise CallError(f"{wrong}; {more}" if more else wrong)

    return explained  # type: ignore[return-value]


def explain_class(kind: type, *methods: str) -> None:
    """Apply `explain_calls` to methods that a class defines itself, not to inherited ones.

    Args:
        kind: The class, which is changed in place.
        methods: The names of the methods.

    Example:
        >>> class Point:
        ...     def __init__(self, x, y):
        ...         self.place = (x, y)
        >>> explain_class(Point, "__init__")
        >>> Point(1.0)
        Traceback (most recent call last):
        scalargrad.errors.CallError: Point needs 'y': call it as Point(x, y)
    """
    for name in methods:
        if name in vars(kind):
            setattr(kind, name, explain_calls(getattr(kind, name)))


class ConstructorSignature:
    """The `__signature__` of classes that share a `__new__` which takes anything.

    Editors, `help`, Jupyter and Sphinx ask for it, and would show that `__new__` where a class has
    no `__init__` of its own, or where they look for `__new__` first.

    Example:
        >>> class Base:
        ...     __signature__ = ConstructorSignature()
        ...
        ...     def __new__(cls, *_, **__):
        ...         return super().__new__(cls)
        >>> class Point(Base):
        ...     def __init__(self, x, y=0.0):
        ...         self.place = (x, y)
        >>> signature(Base), signature(Point)
        (<Signature ()>, <Signature (x, y=0.0)>)
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner = owner

    def __get__(self, instance: object, kind: type) -> Signature:
        # Of an instance that can be called, its `__call__` is meant, and of a class with a
        # `__new__` of its own, that.
        if instance is not None or kind.__new__ is not self._owner.__new__:
            raise AttributeError("__signature__")
        init: Callable[..., None] = kind.__init__  # type: ignore[misc]
        if init is object.__init__:
            return Signature()
        expected = signature(init)
        _, *parameters = expected.parameters.values()
        return expected.replace(parameters=parameters)


def what_is_wrong(
    function: Callable[..., object],
    arguments: Sequence[object],
    options: Mapping[str, object],
    name: str = "",
) -> str | None:
    """Say in one sentence what is wrong with a call, or return None if the arguments fit.

    Args:
        function: The function that was called.
        arguments: The arguments by position, including `self` if the function is a method.
        options: The arguments by name.
        name: How to call the function in the sentence; by default its `__name__`.

    Example:
        >>> what_is_wrong(explain_class, (int,), {"nmae": "x"})
        "explain_class has no argument 'nmae'; it takes kind"
    """
    try:
        expected = signature(function)
    except (TypeError, ValueError):  # some functions written in C have no signature
        return None
    try:
        expected.bind(*arguments, **options)
    except TypeError:
        name = printable(name or _name_of(function, arguments))
        parameters = list(expected.parameters.values())
        if parameters and parameters[0].name == "self":
            parameters = parameters[1:]
            arguments = arguments[1:]
        return _describe(name, parameters, arguments, options)
    return None


def _name_of(function: Callable[..., object], arguments: Sequence[object]) -> str:
    name = str(getattr(function, "__name__", type(function).__name__))
    if name != "__init__" or not arguments:
        return name
    kind = type(arguments[0])
    if unwrap(kind.__init__) is unwrap(function):
        return kind.__name__
    # The constructor of a derived class called that of its base.
    return function.__qualname__.split(".")[-2:][0]


def _describe(
    name: str,
    parameters: list[Parameter],
    arguments: Sequence[object],
    options: Mapping[str, object],
) -> str:
    by_name = [each.name for each in parameters if each.kind in _BY_NAME]
    by_position = [each.name for each in parameters if each.kind in _BY_POSITION]
    kinds = {each.kind for each in parameters}
    example = _example_call(name, parameters)

    unknown = [word for word in options if word not in by_name]
    if unknown and Parameter.VAR_KEYWORD not in kinds:
        return "; ".join(_describe_unknown(name, word, by_name) for word in unknown)

    if len(arguments) > len(by_position) and Parameter.VAR_POSITIONAL not in kinds:
        plural = "" if len(by_position) == 1 else "s"
        count = f"{len(by_position)} argument{plural} by position"
        return f"{name} takes {count}, but {len(arguments)} were given: call it as {example}"

    filled = by_position[: len(arguments)]
    twice = [word for word in filled if word in options]
    if twice:
        return f"{name} was given {twice[0]!r} twice, by position and by name"

    given = {*filled, *options}
    missing = [each.name for each in parameters if _is_required(each) and each.name not in given]
    return f"{name} needs {' and '.join(map(repr, missing))}: call it as {example}"


def _is_required(parameter: Parameter) -> bool:
    is_variadic = parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    return parameter.default is Parameter.empty and not is_variadic


def _describe_unknown(name: str, word: str, names: Iterable[str]) -> str:
    public = [each for each in names if not each.startswith("_")]
    # A synonym first, then a hint; a name that is merely spelled alike comes last.
    near = nearest(word, public, _ARGUMENTS, cutoff=1.0)
    if near is None and word in _NOTES:
        return f"{name} has no argument {word!r}: {_NOTES[word]}"
    near = near or nearest(word, public, _ARGUMENTS)
    if near is not None:
        return f"{name} has no argument {word!r}; did you mean {near!r}?"
    return f"{name} has no argument {word!r}; it takes {', '.join(public) or 'none'}"


def _as_argument(parameter: Parameter) -> str:
    by_name_only = parameter.kind is Parameter.KEYWORD_ONLY
    return f"{parameter.name}=…" if by_name_only else parameter.name


def _example_call(name: str, parameters: Sequence[Parameter]) -> str:
    """Write a call with the required arguments, and … if there are others."""
    required = [_as_argument(each) for each in parameters if _is_required(each)]
    variadic = [f"*{each.name}" for each in parameters if each.kind is each.VAR_POSITIONAL]
    more = ["…"] if len(required) + len(variadic) < len(parameters) else []
    return f"{name}({', '.join([*variadic, *required, *more])})"

"""Tracing: a function runs once on Values that stand for its inputs, and whatever a replay could not repeat is refused."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..anomaly import calling_line
from ..conversion import NumberLike, checked_values
from ..engine import Parameter, Value
from ..errors import DataError, OptionError, TraceError
from ..leaves import Drawn
from ..modes import current_mode, observing
from ..nested import entries


@dataclass(frozen=True)
class Recording:
    """What a trace gave.

    inputs      the Values that stand for the arguments, a tuple for each
    parameters  the leaves that are learnt, in the order in which they were given
    outputs     the Values that the function returned
    single      whether it returned one Value, not a list
    drawn       the leaves that were drawn at random meanwhile, in that order, whether the outputs depend on them or not
    """

    inputs: tuple[tuple[Value, ...], ...]
    parameters: tuple[Parameter, ...]
    outputs: tuple[Value, ...]
    single: bool
    drawn: tuple[Drawn, ...] = ()


def trace(function: Callable[..., Any], inputs: Sequence[int], parameters: Iterable[Parameter] = ()) -> Recording:
    """Run `function` on one argument for each entry of `inputs`: a list of so many Values, a single Value for 1.

    Raises TraceError where the function asks a traced Value for its number, OptionError for impossible sizes, DataError for
    a function that returns no Values.

    >>> recording = trace(lambda x: x[0] * x[1], [2])
    >>> recording.outputs[0].op
    'mul'
    """
    sizes = _checked_sizes(inputs)
    if _is_tracing():
        _refuse("compiling within a function that is being compiled", "Compile the inner function before, or call it as it is.")
    arguments = tuple(tuple(Value(1.0, label=_label(size, i, j)) for j in range(size)) for i, size in enumerate(sizes))
    learnt = tuple(parameters)
    with _tracing([*(x for each in arguments for x in each), *learnt]) as tracer:
        result = function(*[each[0] if len(each) == 1 else list(each) for each in arguments])
    return Recording(arguments, learnt, _outputs(result), isinstance(result, Value), tuple(tracer.drawn))


class _Tracer:
    """Makes every new node refuse questions, and remembers it, to take that back."""

    def __init__(self) -> None:
        self.marked: list[Value] = []
        self.drawn: list[Drawn] = []

    def mark(self, node: Any) -> None:
        """From now on it refuses."""
        kind = type(node)
        if kind not in _MARKED:
            node.__class__ = _TRACED.get(kind) or _traced(kind)
            self.marked.append(node)

    def made(self, node: Any, op: str, args: tuple[Any, ...], partials: tuple[float, ...]) -> None:  # noqa: ARG002
        """A node of the graph, or a number that was drawn; where no graph is recorded, the operands must not matter."""
        if node.args and type(node) is Value:  # nearly always, so the shortest way
            node.__class__ = _TRACED_VALUE
            self.marked.append(node)
        elif node.args:
            self.mark(node)
        elif isinstance(node, Drawn):
            self.drawn.append(node)
            self.mark(node)
        elif any(type(arg) in _MARKED for arg in args):
            _refuse("no_grad() around an operation")

    def went_back(self, order: list[Any]) -> None:  # noqa: ARG002
        """Gradients of a traced graph are numbers of this one run."""
        _refuse("backward()")

    def release(self) -> None:
        """Everything is an ordinary Value again."""
        for node in self.marked:
            node.__class__ = _MARKED[type(node)]


@contextmanager
def _tracing(leaves: Iterable[Value]) -> Iterator[_Tracer]:
    tracer = _Tracer()
    try:
        for leaf in leaves:
            tracer.mark(leaf)
        with observing(tracer):
            yield tracer
    finally:
        tracer.release()


_REMEDY = "The answer would be that of the recording for every sample. Ask within the graph: where(step(x), a, b), maximum, clamp, …"


def _refuse(what: str, remedy: str = _REMEDY) -> None:
    raise TraceError(f"{what} can't be recorded, at {calling_line()}\n  {remedy}")


def _is_tracing() -> bool:
    """Whether this thread traces."""
    return any(isinstance(observer, _Tracer) for observer in current_mode().observers)


def _refusing(name: str, what: str) -> Callable[..., Any]:
    """A method of Value that refuses while this thread traces."""
    ordinary = getattr(Value, name)

    def asked(self: Any, *others: Any, **options: Any) -> Any:
        if _is_tracing():
            _refuse(what)
        return ordinary(self, *others, **options)

    return asked


def _round(self: Any, digits: int | None = None) -> Any:
    if digits is not None and _is_tracing():
        _refuse("round() to some digits of a traced Value", "Write round(x * 100) / 100, which stays in the graph.")
    return Value.__round__(self, digits)


def _format(self: Any, spec: str) -> str:
    if spec and _is_tracing():
        _refuse("the number of a traced Value, as text,")
    return Value.__format__(self, spec)


def _repr(self: Any) -> str:
    return f"<traced {self.label or self.op or self.kind}>" if _is_tracing() else Value.__repr__(self)


def _hidden(name: str, what: str, settable: bool = True) -> property:
    """A slot or property of Value that is not told while this thread traces."""
    ordinary: Any = vars(Value)[name]

    def read(self: Any) -> Any:
        if _is_tracing():
            _refuse(what)
        return ordinary.__get__(self)

    def write(self: Any, number: Any) -> None:
        if not settable and _is_tracing():
            _refuse("setting the number of a traced Value")
        ordinary.__set__(self, number)

    return property(read, write)


_COMPARISON = "a comparison (a branch of Python) on a traced Value"
_QUESTIONS = {
    "__float__": "float() of a traced Value",
    "__int__": "int() of a traced Value",
    "__trunc__": "int() of a traced Value",
    "__bool__": "a branch of Python on a traced Value",
    **dict.fromkeys(("__lt__", "__le__", "__gt__", "__ge__"), _COMPARISON),
    "item": "item() of a traced Value",
    "detach": "detach() of a traced Value",
    "backward": "backward()",
}
"""What Python or a user may ask a number, and how an error calls it."""


_MEMBERS: dict[str, Any] = {
    "__slots__": (),
    "__hash__": Value.__hash__,
    "__round__": _round,
    "__format__": _format,
    "__repr__": _repr,
    "data": _hidden("data", "the number (.data) of a traced Value", settable=False),
    "grad": _hidden("grad", "the gradient (.grad) of a traced Value"),
    "partials": _hidden("partials", "the local derivatives (.partials) of a traced Value"),
    **{name: _refusing(name, what) for name, what in _QUESTIONS.items()},
}


def _traced(kind: type[Value]) -> type[Value]:
    """A class like `kind`, with the same memory layout, whose members refuse to tell their numbers."""
    traced = type(f"Traced{kind.__name__}", (kind,), _MEMBERS | {"stands_for_all": True})
    _TRACED[kind], _MARKED[traced] = traced, kind
    return traced


_TRACED: dict[type[Value], type[Value]] = {}
_MARKED: dict[type[Value], type[Value]] = {}
_TRACED_VALUE = _traced(Value)
_traced(Parameter)


def _checked_sizes(inputs: Any) -> list[int]:
    found = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    for size in found or [None]:
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise OptionError(f"inputs must be the length of each argument, such as (784, 10), not {inputs!r}")
    return found


def _label(size: int, i: int, j: int) -> str:
    """x0, x1 … for the first argument, y0, y1 … for the second, then a, b, …."""
    letter = "xyabcdefghijklmnopqrstuvw"[i % 25]
    return letter if size == 1 else f"{letter}{j}"


def _outputs(result: Any) -> tuple[Value, ...]:
    found = [result] if isinstance(result, NumberLike) else entries(result) if isinstance(result, (list, tuple, dict)) else []
    if not found:
        raise DataError(f"a compiled function must return a Value or a list of Values, not {type(result).__name__}")
    return checked_values(found, "what a compiled function returns")
